// Types of the API. Made by clients/generator: do not edit.

/** An error: a code for programs, and reasons for people, by field or as a list. */
export interface Error {
  "errorCode": string;
  "reasons": Record<string, Array<string>> | Array<string>;
}

/** A change of participation. In the log with the requested settings and `appliedSeq`, its place in the order. */
export interface Change {
  "id": string;
  "kind": "join" | "leave" | "rotate" | "update";
  "conversationId": string;
  "userId": string;
  "status": "applied" | "pending" | "rejected";
  "errorCode"?: string;
  "by": Actor;
  "requestedAt": number;
  "appliedAt": number | null;
  "appliedSeq"?: number | null;
  "access"?: Access;
  "notify"?: boolean | "MentionsOnly";
  "muteUntil"?: string | null;
  "frequency"?: Frequency;
}

/** Requester of a change: a BACKEND by the API, the PARTICIPANT by a link or a mail, an OPERATOR by the CLI. */
export type Actor = "backend" | "operator" | "participant";

/** Rights of a participant; NONE leaves a frozen view of the past. */
export type Access = "None" | "Read" | "ReadWrite";

/** Frequency of mails to a participant: immediate, by the app's quiet and cap, or as a digest.

    A participant's DEFAULT is the frequency of the app, whose own DEFAULT is quiet and cap. */
export type Frequency = "daily" | "default" | "hourly" | "immediately";

/** Body of a request to a webhook. */
export interface Event {
  "id": string;
  "type": EventType;
  "createdAt": number;
  "data": Record<string, unknown>;
  "conversationId": string | null;
  "sequence": number | null;
}

/** Type of an event. */
export type EventType = "conversation.deleted" | "email.rejected" | "message.deleted" | "message.reactionUpdated" | "message.read" | "message.sent" | "message.updated" | "notification.bounced" | "notification.cancelled" | "notification.sent" | "notification.triggered" | "participant.joined" | "participant.left" | "participant.updated" | "user.created" | "user.deleted" | "user.updated" | "webhook.test";

/** An app. */
export interface App {
  "id": string;
  "name": string;
  "defaultLocale": string | null;
  "custom": Record<string, unknown>;
}

/** Fields of an app to set. Null clears a field, an absent one is unchanged; `custom` merges key by key. */
export interface AppUpdate {
  "defaultLocale"?: string | null;
  "custom"?: Record<string, string | null> | null;
}

/** An empty object: there is nothing to return. */
export type Empty = Record<string, unknown>;

/** The presence of users, by id. */
export interface Presences {
  "data"?: Record<string, unknown>;
}

/** Fields of a user to set. Null clears a field, an absent one is unchanged; `custom` merges key by key. */
export interface UserUpdate {
  "name"?: string | null;
  "email"?: string | Array<string> | null;
  "phone"?: string | Array<string> | null;
  "photoUrl"?: string | null;
  "welcomeMessage"?: string | null;
  "locale"?: string | null;
  "timeZone"?: string | null;
  "role"?: string | null;
  "custom"?: Record<string, string | null> | null;
  "pushTokens"?: Record<string, unknown> | null;
  "availabilityText"?: string | null;
  "headerPhotoUrl"?: string | null;
}

/** A page of a list. */
export interface UserPage {
  "data": Array<User>;
}

/** A user. */
export interface User {
  "id": string;
  "name": string;
  "email": Array<string> | null;
  "phone": Array<string> | null;
  "photoUrl": string | null;
  "welcomeMessage": string | null;
  "locale": string | null;
  "timeZone": string | null;
  "role": string | null;
  "custom": Record<string, unknown>;
  "pushTokens": Record<string, unknown>;
  "availabilityText": string | null;
  "headerPhotoUrl": string | null;
  "createdAt": number;
}

/** What becomes of an erased user's messages: ANONYMISE keeps their texts, REMOVE deletes them. */
export type ErasedMessages = "anonymise" | "remove";

/** A page of a list. */
export interface ConversationPage {
  "data": Array<Conversation>;
}

/** A conversation. The map of participants holds those with access `ReadWrite` or `Read`. */
export interface Conversation {
  "id": string;
  "subject": string | null;
  "photoUrl": string | null;
  "welcomeMessages": Array<string> | null;
  "custom": Record<string, unknown>;
  "lastMessage"?: Message | null;
  "participants"?: Record<string, ParticipantSettings> | null;
  "everyoneReadUntil"?: number | null;
  "createdAt": number;
  "topicId": string | null;
}

/** A message. */
export interface Message {
  "id": string;
  "conversationId": string;
  "type": MessageType;
  "senderId": string | null;
  "text": string;
  "content": Array<Record<string, unknown>>;
  "readBy": Array<string>;
  "origin": Origin;
  "location": Array<number> | null;
  "attachment": Attachment | null;
  "custom": Record<string, unknown>;
  "createdAt": number;
  "editedAt": number | null;
  "referencedMessageId": string | null;
  "reactions": Array<Reactions>;
}

/** Type of a message: a user's, or the system's, which has no sender and never notifies. */
export type MessageType = "SystemMessage" | "UserMessage";

/** Origin of a message. */
export type Origin = "email" | "import" | "rest" | "web";

/** A file of a message; the size is in bytes. */
export interface Attachment {
  "url": string;
  "size": number;
}

/** An emoji at a message, and the number of users who added it. */
export interface Reactions {
  "emoji": string;
  "count": number;
}

/** A participant in the map of a conversation. */
export interface ParticipantSettings {
  "access": Access;
  "notify": boolean | "MentionsOnly";
}

/** A page of a list. */
export interface UserConversationPage {
  "data": Array<UserConversation>;
}

/** A conversation in a user's list, as this user may see it. */
export interface UserConversation {
  "id": string;
  "subject": string | null;
  "photoUrl": string | null;
  "welcomeMessages": Array<string> | null;
  "custom": Record<string, unknown>;
  "lastMessage"?: Message | null;
  "participants"?: Record<string, ParticipantSettings> | null;
  "everyoneReadUntil"?: number | null;
  "createdAt": number;
  "topicId": string | null;
  "unreadMessageCount": number;
  "isUnread": boolean;
}

/** Fields of a conversation to set. Null clears a field, an absent one is unchanged; `participants` adds users. */
export interface ConversationUpdate {
  "subject"?: string | null;
  "photoUrl"?: string | null;
  "welcomeMessages"?: Array<string> | null;
  "custom"?: Record<string, string | null> | null;
  "participants"?: Array<string> | null;
}

/** Settings of a user who joins. Absent ones get their defaults: `ReadWrite`, `true`, not muted, `default`. */
export interface NewParticipant {
  "notify"?: boolean | "MentionsOnly" | null;
  "access"?: "Read" | "ReadWrite" | null;
  "muteUntil"?: string | null;
  "frequency"?: Frequency | null;
}

/** Fields of a participant to change; an absent one is unchanged. */
export interface ParticipantUpdate {
  "notify"?: boolean | "MentionsOnly" | null;
  "access"?: Access | null;
  "muteUntil"?: string | null;
  "frequency"?: Frequency | null;
  "readUntil"?: number | null;
}

/** A participant; in a list with the user's id. */
export interface Participant {
  "id"?: string;
  "access": Access;
  "notify": boolean | "MentionsOnly";
  "muteUntil": string | null;
  "frequency": Frequency;
  "joinedAt": number;
  "isUnread": boolean;
  "readUntil": number | null;
}

/** A page of a list. */
export interface ParticipantPage {
  "data": Array<Participant>;
}

/** A page of a list. */
export interface NotificationPage {
  "data": Array<Notification>;
}

/** A notification: mailed, waiting to be mailed, or not mailed, with the reason. */
export interface Notification {
  "id": string;
  "status": NotificationStatus;
  "reason": string | null;
  "messageIds": Array<string>;
  "createdAt": number;
  "notBefore": number;
  "endedAt": number | null;
  "deliveries": Array<Delivery>;
}

/** Status of a participant's notification: OPEN is not built into mails yet, the others are final. */
export type NotificationStatus = "cancelled" | "made" | "open";

/** A mail to one address, and the result of sending it. */
export interface Delivery {
  "address": string;
  "stage": Stage;
  "reply": string | null;
  "attempts": number;
  "notBefore": number;
  "sentAt": number | null;
  "bouncedAt": number | null;
}

/** Stage of a delivery, one mail to one address.

    The regular order is QUEUED → CLAIMED → SENDING → SENT. DEFERRED: waits after a 4xx; FAILED: got a 5xx;
    UNKNOWN: the reply to its final dot was lost; HELD: the same, but not sent again automatically; CAPTURED: stored
    instead of sent; CANCELLED: not sent, for a reason; OUTDATED: to be made anew, since it changed while it waited. */
export type Stage = "cancelled" | "captured" | "claimed" | "deferred" | "failed" | "held" | "outdated" | "queued" | "sending" | "sent" | "unknown";

/** The secret address of a participant. */
export interface InboundAddress {
  "emailAddress": string;
}

/** Changes of many participants. */
export interface ParticipantActions {
  "actions": Array<JoinAction | UpdateAction | LeaveAction>;
}

/** An action that joins. */
export interface JoinAction {
  "method": "PUT";
  "id": number | string;
  "params": JoinParams;
}

/** User who joins, and their settings. */
export interface JoinParams {
  "notify"?: boolean | "MentionsOnly" | null;
  "access"?: "Read" | "ReadWrite" | null;
  "muteUntil"?: string | null;
  "frequency"?: Frequency | null;
  "userId": string;
}

/** An action that updates. */
export interface UpdateAction {
  "method": "PATCH";
  "id": number | string;
  "params": UpdateParams;
}

/** User who is updated, and the fields to change. */
export interface UpdateParams {
  "notify"?: boolean | "MentionsOnly" | null;
  "access"?: Access | null;
  "muteUntil"?: string | null;
  "frequency"?: Frequency | null;
  "readUntil"?: number | null;
  "userId": string;
}

/** An action that leaves. */
export interface LeaveAction {
  "method": "DELETE";
  "id": number | string;
  "params": LeaveParams;
}

/** User who leaves. */
export interface LeaveParams {
  "userId": string;
}

/** The results, in the order of the actions. */
export interface ActionResults {
  "responses": Array<ActionResult>;
}

/** The result of one action, with the status and error a single request would have got. */
export interface ActionResult {
  "id": number | string | null;
  "status": number;
  "changeId"?: string;
  "errorCode"?: string;
  "reasons"?: Record<string, Array<string>> | Array<string>;
}

/** A page of a list. */
export interface ChangePage {
  "data": Array<Change>;
}

/** A message to send: a text, a file, a location, or several of them. */
export interface NewMessage {
  "type": MessageType;
  "text"?: string | null;
  "content"?: Array<TextBlock | FileBlock | LocationBlock> | null;
  "sender"?: string | null;
  "custom"?: Record<string, string> | null;
  "attachment"?: NewAttachment | null;
  "attachmentToken"?: string | null;
  "location"?: Array<number> | null;
  "referencedMessageId"?: string | null;
  "idempotencyKey"?: string | null;
}

/** A text block: strings, and nodes such as links, mentions and lists. */
export interface TextBlock {
  "type": "text";
  "children": Array<string | TextNode>;
}

/** A file: the `fileToken` of an upload or of another message's file, or a `url` and `size` that you keep. */
export interface FileBlock {
  "type": "file";
  "fileToken"?: string | null;
  "url"?: string | null;
  "size"?: number | null;
}

/** A location, in degrees. */
export interface LocationBlock {
  "type": "location";
  "latitude": number;
  "longitude": number;
}

/** A file that you keep; the size is in bytes. */
export interface NewAttachment {
  "url": string;
  "size": number;
}

/** Id of a posted message. */
export interface PostedMessage {
  "id": string;
}

/** A page of a list. */
export interface MessagePage {
  "data": Array<Message>;
}

/** Fields of a message to change. `custom` merges key by key; null clears a key, or all of them. */
export interface MessageUpdate {
  "text"?: string | null;
  "content"?: Array<TextBlock> | null;
  "custom"?: Record<string, string | null> | null;
}

/** The time up to which the conversation is read. */
export interface ReadStateUpdate {
  "readUntil"?: number | null;
  "unread"?: boolean | null;
}

/** A message from another system, with its original time. */
export interface ImportedMessage {
  "type": MessageType;
  "text"?: string | null;
  "content"?: Array<TextBlock | FileBlock | LocationBlock> | null;
  "sender"?: string | null;
  "custom"?: Record<string, string> | null;
  "attachment"?: NewAttachment | null;
  "attachmentToken"?: string | null;
  "location"?: Array<number> | null;
  "referencedMessageId"?: string | null;
  "idempotencyKey"?: string | null;
  "createdAt"?: number | null;
  "timestamp"?: number | null;
  "readBy"?: Array<string> | null;
}

/** A page of a list. */
export interface EmojiUsersPage {
  "data": Array<EmojiUsers>;
}

/** An emoji on a message, and the users who added it. */
export interface EmojiUsers {
  "emoji": string;
  "userIds": Array<string>;
}

/** Ids of the users who added an emoji to a message. */
export interface ReactionUsers {
  "data": Array<string>;
}

/** A file to upload. */
export interface FileUpload {
  "file": string;
}

/** The token of an uploaded file, for `attachmentToken` or a `file` block; both are the same. */
export interface UploadedFile {
  "attachmentToken": string;
  "fileToken": string;
}

/** A page of a list. */
export interface WebhookPage {
  "data": Array<Webhook>;
}

/** A webhook. */
export interface Webhook {
  "id": string;
  "url": string;
  "events": Array<EventType> | null;
  "ordered": boolean;
  "status": EndpointStatus;
  "reason": string | null;
  "failingSince": number | null;
  "secretSince": number;
  "createdAt": number;
  "secret"?: string | null;
}

/** Status of an endpoint: PAUSED after failing for long, its events are kept; DISABLED after answering 410 Gone. */
export type EndpointStatus = "active" | "disabled" | "paused";

/** Settings of a webhook. Without a secret it keeps its own, or one is generated; null or no events: all of them. */
export interface WebhookUpdate {
  "url": string;
  "secret"?: string | null;
  "events"?: Array<EventType> | null;
  "ordered"?: boolean | null;
}

/** A page of a list. */
export interface WebhookDeliveryPage {
  "data": Array<WebhookDelivery>;
}

/** An event for a webhook, and the result of sending it. */
export interface WebhookDelivery {
  "id": string;
  "eventId": string;
  "type": EventType | null;
  "conversationId": string | null;
  "sequence": number | null;
  "stage": "cancelled" | "failed" | "queued" | "sent";
  "attempts": number;
  "status": number | null;
  "reply": string | null;
  "createdAt": number;
  "triedAt": number | null;
  "nextTryAt": number | null;
  "endedAt": number | null;
}

/** The events to send again: those of a period (`from` included, `to` excluded), or those with these ids. */
export interface WebhookReplay {
  "from"?: number | null;
  "to"?: number | null;
  "eventIds"?: Array<string> | null;
}

/** Number of events to be sent again. */
export interface ReplayedEvents {
  "count": number;
}

/** Event of a test. */
export interface TestEvent {
  "eventId": string;
}

/** Outcome of an inbound mail; RECEIVED is not processed yet. */
export type Outcome = "failed" | "ignored" | "posted" | "quarantined" | "received" | "refused" | "unsubscribed";

/** A page of a list. */
export interface InboundMailPage {
  "data": Array<InboundMail>;
}

/** A mail to an inbound address, and its outcome. The address is a secret and never shown. */
export interface InboundMail {
  "id": string;
  "outcome": Outcome;
  "verdict": Verdict | null;
  "reason": string | null;
  "flag": string | null;
  "purpose": Purpose;
  "userId": string | null;
  "conversationId": string | null;
  "messageId": string | null;
  "size": number | null;
  "receivedAt": number;
  "processedAt": number | null;
  "releasedAt": number | null;
  "canReplay": boolean;
  "elided"?: string | null;
  "evidence"?: Record<string, string | null> | null;
}

/** Verdict on an inbound mail, in the order of the checks; only a PERSON's mail becomes a message.

    The first six are for machines. SENDER: not the participant's mail; AMBIGUOUS: answers a digest, and names no
    single conversation; FLOOD: more mails than people write. */
export type Verdict = "ambiguous" | "auto-generated" | "auto-reply" | "bounce" | "complaint" | "duplicate" | "empty" | "flood" | "list" | "loop" | "no-access" | "person" | "postmaster" | "sender" | "unreadable";

/** Purpose of an inbound address; POSTMASTER is required by RFC 5321 4.5.1.

    DIGEST is the Reply-To of a digest. BOUNCE receives reports about one delivery of ours: it is that delivery's
    envelope sender (VERP). */
export type Purpose = "bounce" | "digest" | "postmaster" | "reply" | "unsubscribe";

/** An operation of a batch: `[seq, method, path, payload?, options?]`; the payload of a GET is its query. */
export type BatchOperation = Array<unknown>;

/** Options of one operation of a batch. */
export interface BatchOptions {
  "api_version"?: string | null;
}

/** The answer of one operation of a batch: `[seq, status, body]`. */
export type BatchResult = Array<unknown>;

/** State of the process. */
export interface Health {
  "status": "ok";
}

/** State of the process's dependencies. */
export interface Readiness {
  "status": "ready" | "unready";
  "database": "away" | "ok";
  "worker": "away" | "ok" | "unknown";
  "broker": "away" | "ok";
  "missing"?: Array<string>;
  "reason"?: string;
}

/** An OpenAPI document. */
export interface OpenApi {
  "openapi": string;
}

/** ApiVersion */
export type ApiVersion = "2021-01-01" | "2021-02-09" | "2021-07-30" | "2024-01-01";

/** A part of a text: a `link` with its `url`, a `mention` with its `id`, a `bulletList` … */
export interface TextNode {
  "type": string;
  "children"?: Array<string | TextNode>;
}
