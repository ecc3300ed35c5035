// Verification of webhooks (Standard Webhooks 1.0, HMAC-SHA256), by the Web Crypto API.

const TOLERANCE = 300; // seconds that the clocks may differ

/** Request that does not come from Mailtalk, or is too old: answer 400 and forget it. */
export class NotVerified extends Error {}

/** The event of a request, from its unchanged body. Take each event once: its `id` is the same when it is sent again. */
export async function verify(
  body: string,
  headers: Headers | Record<string, string>,
  secret: string,
  now: number = Date.now() / 1000,
): Promise<unknown> {
  const named = new Headers(headers);
  const [id, sent, signatures] = ["id", "timestamp", "signature"].map((name) => named.get(`webhook-${name}`));
  if (!id || !sent || !signatures) throw new NotVerified("a header of the signature is missing");
  const signed = new TextEncoder().encode(`${id}.${sent}.${body}`);
  const key = await crypto.subtle.importKey("raw", bytes(secret), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  const checks = signatures.split(" ").filter((each) => each.startsWith("v1,")).map((each) =>
    crypto.subtle.verify("HMAC", key, base64(each.slice(3)), signed));
  if (!(await Promise.all(checks)).includes(true)) throw new NotVerified("the signature is wrong");
  if (!(Math.abs(now - Number(sent)) <= TOLERANCE)) throw new NotVerified("it is too old, or the clocks differ");
  return JSON.parse(body);
}

function bytes(secret: string): Uint8Array<ArrayBuffer> {
  return secret.startsWith("whsec_") ? base64(secret.slice(6)) : new TextEncoder().encode(secret);
}

function base64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
