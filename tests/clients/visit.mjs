// A visit by the TypeScript client: joins, says, reads lists to their end, uploads, and is refused.
import assert from "node:assert/strict";
import { Client, MailtalkError, webhooks } from "./dist/index.js";

const [baseUrl, appId, secret, signed] = process.argv.slice(2);
const client = new Client({ baseUrl, appId, secret });
await client.putConversation("a/b", {});
await client.joinConversation("a/b", "alice", { notify: false });
const { fileToken } = await client.uploadFile(new Blob(["60 cm"]), "plan.txt");
const content = [{ type: "file", fileToken }];
for (const message of [{ text: "one" }, { text: "two" }, { content }]) {
  await client.postMessages("a/b", [{ type: "UserMessage", sender: "alice", ...message }]);
}
const texts = [];
for await (const message of client.iterateMessages("a/b", { limit: 1 })) texts.push(message.text);
assert.deepEqual(texts.toReversed().slice(0, 2), ["one", "two"]);
assert.equal(texts.length, 3);
await assert.rejects(client.getUser("nobody"), (error) => error instanceof MailtalkError && error.status === 404);

let attempts = 0;
const busy = async (...request) => (attempts++ ? fetch(...request) : new Response("", { status: 503 }));
const retried = new Client({ baseUrl, appId, secret, fetch: busy, pause: 1 });
assert.equal((await retried.getUser("alice")).name, "Alice");

const { body, headers, key, now } = JSON.parse(signed);
assert.deepEqual(await webhooks.verify(body, headers, key, now), { id: "evt_1" });
await assert.rejects(webhooks.verify(`${body} `, headers, key, now), webhooks.NotVerified);
await assert.rejects(webhooks.verify(body, headers, key, now + 400), webhooks.NotVerified);
console.log("done");
