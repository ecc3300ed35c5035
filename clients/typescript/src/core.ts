// Requests, retries and errors. Needs nothing but fetch (Node 18 and newer, Deno, Bun, browsers).

/** Error response: HTTP status, `code` for programs, `reasons` for people, by field or as a list. */
export class MailtalkError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly reasons: Record<string, string[]> | string[],
  ) {
    super(`${status} ${code}: ${JSON.stringify(reasons)}`);
    this.name = "MailtalkError";
  }
}

export interface ClientOptions {
  /** The API's base URL, without /v1. */
  baseUrl: string;
  appId: string;
  /** The app's secret, or a JWT made with it. */
  secret: string;
  /** Attempts of one request; temporary errors and lost connections are retried. */
  attempts?: number;
  /** Milliseconds before the second attempt; each later pause is twice as long. */
  pause?: number;
  /** Milliseconds until one attempt is given up. */
  timeout?: number;
  fetch?: typeof fetch;
}

interface Sent {
  body?: unknown;
  query?: Record<string, unknown>;
  idempotencyKey?: string | undefined;
  wait?: boolean | undefined;
}

const TEMPORARY = new Set([429, 502, 503, 504]);
const LONGEST = 30_000;

/** Path with its ids percent-encoded, slashes too. */
export function path(template: string, ...values: string[]): string {
  let next = 0;
  return template.replace(/\{\}/g, () => encodeURIComponent(values[next++] ?? ""));
}

/** Sends requests; a change carries an Idempotency-Key, so that it happens once. */
export class Sender {
  readonly appId: string;
  readonly #options: Required<ClientOptions>;

  constructor(options: ClientOptions) {
    this.appId = options.appId;
    this.#options = { attempts: 4, pause: 500, timeout: 30_000, fetch: globalThis.fetch, ...options };
  }

  protected async send<Answer>(method: string, url: string, sent: Sent): Promise<Answer> {
    const request = { method, headers: this.#headers(method, sent), body: encoded(sent.body) };
    const target = `${this.#options.baseUrl.replace(/\/$/, "")}${url}${search(sent.query)}`;
    for (let attempt = 1; ; attempt += 1) {
      const response = await this.#attempt(target, request, attempt);
      if (response && (attempt >= this.#options.attempts || !isTemporary(response))) return content<Answer>(response);
      await new Promise((resume) => setTimeout(resume, this.#wait(attempt, response)));
    }
  }

  protected async *pages<Item extends { id?: string }>(
    page: (startingAfter?: string) => Promise<{ data: Item[] }>,
  ): AsyncGenerator<Item> {
    let last: string | undefined;
    for (;;) {
      const { data } = await page(last);
      yield* data;
      last = data.at(-1)?.id;
      if (last === undefined) return;
    }
  }

  /** The response, or undefined if the connection was lost and another attempt is left. */
  async #attempt(url: string, request: RequestInit, attempt: number): Promise<Response | undefined> {
    try {
      return await this.#options.fetch(url, { ...request, signal: AbortSignal.timeout(this.#options.timeout) });
    } catch (error) {
      if (attempt >= this.#options.attempts) throw error;
      return undefined;
    }
  }

  #headers(method: string, sent: Sent): Record<string, string> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.#options.secret}` };
    if (sent.body !== undefined && !(sent.body instanceof FormData)) headers["Content-Type"] = "application/json";
    if (method !== "GET") headers["Idempotency-Key"] = sent.idempotencyKey ?? crypto.randomUUID();
    if (sent.wait === false) headers["Prefer"] = "respond-async";
    return headers;
  }

  #wait(attempt: number, response: Response | undefined): number {
    const asked = Number(response?.headers.get("Retry-After") ?? NaN) * 1000;
    const own = this.#options.pause * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
    return Math.min(Number.isNaN(asked) ? own : asked, LONGEST);
  }
}

function isTemporary(response: Response): boolean {
  return TEMPORARY.has(response.status) || (response.status === 409 && response.headers.has("Retry-After"));
}

function encoded(body: unknown): string | FormData | null {
  if (body === undefined || body instanceof FormData) return body ?? null;
  return JSON.stringify(body);
}

function search(query: Record<string, unknown> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}

async function content<Answer>(response: Response): Promise<Answer> {
  if (response.ok) return (await response.json()) as Answer;
  const text = await response.text();
  try {
    const error = JSON.parse(text);
    throw new MailtalkError(response.status, error.errorCode, error.reasons);
  } catch (error) {
    throw error instanceof MailtalkError ? error : new MailtalkError(response.status, "UNKNOWN", [text.slice(0, 200)]);
  }
}
