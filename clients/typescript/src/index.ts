// Typed client of Mailtalk's HTTP API, and the verification of its webhooks.

import { path } from "./core.js";
import type { UploadedFile } from "./models.js";
import { Operations } from "./operations.js";

/** Client of one app: a method for each operation, an iterator for each list. */
export class Client extends Operations {
  /** Upload a file; its token sends it in messages. */
  uploadFile(file: Blob, name: string, options: { idempotencyKey?: string } = {}): Promise<UploadedFile> {
    const body = new FormData();
    body.set("file", file, name);
    return this.send("POST", path("/v1/{}/files", this.appId), { body, ...options });
  }
}

export { MailtalkError, type ClientOptions } from "./core.js";
export type * as models from "./models.js";
export * as webhooks from "./webhooks.js";
