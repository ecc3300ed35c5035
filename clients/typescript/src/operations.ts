// Operations of the API. Made by clients/generator: do not edit.

import type * as models from "./models.js";
import { Sender, path } from "./core.js";

/** Options of a change: the key makes its repetition harmless. */
export interface ChangeOptions { idempotencyKey?: string; wait?: boolean }

export class Operations extends Sender {
  /** Get the app. */
  getApp(): Promise<models.App> {
    return this.send("GET", path("/v1/{}", this.appId), {  });
  }

  /** Update the app. */
  putApp(body?: models.AppUpdate, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("PUT", path("/v1/{}", this.appId), { body, ...options });
  }

  /** Get the presence of users. */
  getPresences(options: ChangeOptions = {}): Promise<models.Presences> {
    return this.send("POST", path("/v1/{}/presences", this.appId), { ...options });
  }

  /** List the sessions of a user. */
  listSessions(userId: string): Promise<Array<string>> {
    return this.send("GET", path("/v1/{}/users/{}/sessions", this.appId, userId), {  });
  }

  /** Create or update up to 100 users. */
  putUsers(body: Record<string, models.UserUpdate>, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("PUT", path("/v1/{}/users", this.appId), { body, ...options });
  }

  /** List users, newest first. */
  listUsers(query: { limit?: number | undefined; startingAfter?: string | undefined; isOnline?: boolean | undefined } = {}): Promise<models.UserPage> {
    return this.send("GET", path("/v1/{}/users", this.appId), { query });
  }

  /** All pages of `listUsers`, item by item. */
  iterateUsers(query: { limit?: number | undefined; isOnline?: boolean | undefined } = {}): AsyncGenerator<models.User> {
    return this.pages((startingAfter) => this.listUsers({ ...query, startingAfter }));
  }

  /** Create or update a user. */
  putUser(userId: string, body?: models.UserUpdate, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("PUT", path("/v1/{}/users/{}", this.appId, userId), { body, ...options });
  }

  /** Get a user. */
  getUser(userId: string): Promise<models.User> {
    return this.send("GET", path("/v1/{}/users/{}", this.appId, userId), {  });
  }

  /** Erase a user. */
  eraseUser(userId: string, query: { messages?: models.ErasedMessages | undefined } = {}, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("DELETE", path("/v1/{}/users/{}", this.appId, userId), { query, ...options });
  }

  /** List conversations. */
  listConversations(query: { limit?: number | undefined; startingAfter?: string | undefined; orderBy?: "createdAt" | "lastActivity" | undefined; orderDirection?: "ASC" | "DESC" | undefined; offsetTs?: number | undefined; lastMessageBefore?: number | undefined; lastMessageAfter?: number | undefined; filter?: string | undefined } = {}): Promise<models.ConversationPage> {
    return this.send("GET", path("/v1/{}/conversations", this.appId), { query });
  }

  /** All pages of `listConversations`, item by item. */
  iterateConversations(query: { limit?: number | undefined; orderBy?: "createdAt" | "lastActivity" | undefined; orderDirection?: "ASC" | "DESC" | undefined; offsetTs?: number | undefined; lastMessageBefore?: number | undefined; lastMessageAfter?: number | undefined; filter?: string | undefined } = {}): AsyncGenerator<models.Conversation> {
    return this.pages((startingAfter) => this.listConversations({ ...query, startingAfter }));
  }

  /** List a user's conversations. */
  listUserConversations(userId: string, query: { limit?: number | undefined; startingAfter?: string | undefined; orderBy?: "createdAt" | "lastActivity" | undefined; orderDirection?: "ASC" | "DESC" | undefined; offsetTs?: number | undefined; lastMessageBefore?: number | undefined; lastMessageAfter?: number | undefined; filter?: string | undefined; unreadsOnly?: boolean | undefined } = {}): Promise<models.UserConversationPage> {
    return this.send("GET", path("/v1/{}/users/{}/conversations", this.appId, userId), { query });
  }

  /** All pages of `listUserConversations`, item by item. */
  iterateUserConversations(userId: string, query: { limit?: number | undefined; orderBy?: "createdAt" | "lastActivity" | undefined; orderDirection?: "ASC" | "DESC" | undefined; offsetTs?: number | undefined; lastMessageBefore?: number | undefined; lastMessageAfter?: number | undefined; filter?: string | undefined; unreadsOnly?: boolean | undefined } = {}): AsyncGenerator<models.UserConversation> {
    return this.pages((startingAfter) => this.listUserConversations(userId, { ...query, startingAfter }));
  }

  /** Create or update a conversation. */
  putConversation(conversationId: string, body?: models.ConversationUpdate, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("PUT", path("/v1/{}/conversations/{}", this.appId, conversationId), { body, ...options });
  }

  /** Get a conversation. */
  getConversation(conversationId: string): Promise<models.Conversation> {
    return this.send("GET", path("/v1/{}/conversations/{}", this.appId, conversationId), {  });
  }

  /** Delete a conversation. */
  deleteConversation(conversationId: string, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("DELETE", path("/v1/{}/conversations/{}", this.appId, conversationId), { ...options });
  }

  /** Join: add a participant, or overwrite one. */
  joinConversation(conversationId: string, userId: string, body?: models.NewParticipant, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("PUT", path("/v1/{}/conversations/{}/participants/{}", this.appId, conversationId, userId), { body, ...options });
  }

  /** Update a participant. */
  updateParticipant(conversationId: string, userId: string, body?: models.ParticipantUpdate, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("PATCH", path("/v1/{}/conversations/{}/participants/{}", this.appId, conversationId, userId), { body, ...options });
  }

  /** Leave a conversation. */
  leaveConversation(conversationId: string, userId: string, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("DELETE", path("/v1/{}/conversations/{}/participants/{}", this.appId, conversationId, userId), { ...options });
  }

  /** Get a participant. */
  getParticipant(conversationId: string, userId: string): Promise<models.Participant> {
    return this.send("GET", path("/v1/{}/conversations/{}/participants/{}", this.appId, conversationId, userId), {  });
  }

  /** List participants, newest join first. */
  listParticipants(conversationId: string, query: { limit?: number | undefined; startingAfter?: string | undefined } = {}): Promise<models.ParticipantPage> {
    return this.send("GET", path("/v1/{}/conversations/{}/participants", this.appId, conversationId), { query });
  }

  /** All pages of `listParticipants`, item by item. */
  iterateParticipants(conversationId: string, query: { limit?: number | undefined } = {}): AsyncGenerator<models.Participant> {
    return this.pages((startingAfter) => this.listParticipants(conversationId, { ...query, startingAfter }));
  }

  /** Join, update and leave, up to 1,000 at once. */
  changeParticipants(conversationId: string, body: models.ParticipantActions, options: ChangeOptions = {}): Promise<models.ActionResults> {
    return this.send("POST", path("/v1/{}/conversations/{}/participants", this.appId, conversationId), { body, ...options });
  }

  /** List a participant's notifications: why they were mailed, or not. */
  listNotifications(conversationId: string, userId: string, query: { limit?: number | undefined; startingAfter?: string | undefined } = {}): Promise<models.NotificationPage> {
    return this.send("GET", path("/v1/{}/conversations/{}/participants/{}/notifications", this.appId, conversationId, userId), { query });
  }

  /** All pages of `listNotifications`, item by item. */
  iterateNotifications(conversationId: string, userId: string, query: { limit?: number | undefined } = {}): AsyncGenerator<models.Notification> {
    return this.pages((startingAfter) => this.listNotifications(conversationId, userId, { ...query, startingAfter }));
  }

  /** Get a participant's inbound address. */
  getInboundAddress(conversationId: string, userId: string): Promise<models.InboundAddress> {
    return this.send("GET", path("/v1/{}/conversations/{}/participants/{}/email", this.appId, conversationId, userId), {  });
  }

  /** Give a participant a new inbound address. */
  rotateInboundAddress(conversationId: string, userId: string, options: ChangeOptions = {}): Promise<models.InboundAddress> {
    return this.send("POST", path("/v1/{}/conversations/{}/participants/{}/email/rotate", this.appId, conversationId, userId), { ...options });
  }

  /** List a conversation's changes, newest first. */
  listChanges(query: { limit?: number | undefined; startingAfter?: string | undefined; conversationId?: string | undefined; userId?: string | undefined } = {}): Promise<models.ChangePage> {
    return this.send("GET", path("/v1/{}/changes", this.appId), { query });
  }

  /** All pages of `listChanges`, item by item. */
  iterateChanges(query: { limit?: number | undefined; conversationId?: string | undefined; userId?: string | undefined } = {}): AsyncGenerator<models.Change> {
    return this.pages((startingAfter) => this.listChanges({ ...query, startingAfter }));
  }

  /** Get a change of participation. */
  getChange(changeId: string): Promise<models.Change> {
    return this.send("GET", path("/v1/{}/changes/{}", this.appId, changeId), {  });
  }

  /** Send 1 to 10 messages. */
  postMessages(conversationId: string, body: Array<models.NewMessage>, options: ChangeOptions = {}): Promise<Array<models.PostedMessage>> {
    return this.send("POST", path("/v1/{}/conversations/{}/messages", this.appId, conversationId), { body, ...options });
  }

  /** List messages, newest first. */
  listMessages(conversationId: string, query: { limit?: number | undefined; startingAfter?: string | undefined; asUser?: string | undefined } = {}): Promise<models.MessagePage> {
    return this.send("GET", path("/v1/{}/conversations/{}/messages", this.appId, conversationId), { query });
  }

  /** All pages of `listMessages`, item by item. */
  iterateMessages(conversationId: string, query: { limit?: number | undefined; asUser?: string | undefined } = {}): AsyncGenerator<models.Message> {
    return this.pages((startingAfter) => this.listMessages(conversationId, { ...query, startingAfter }));
  }

  /** Get a message. */
  getMessage(conversationId: string, messageId: string): Promise<models.Message> {
    return this.send("GET", path("/v1/{}/conversations/{}/messages/{}", this.appId, conversationId, messageId), {  });
  }

  /** Edit a message. */
  editMessage(conversationId: string, messageId: string, body?: models.MessageUpdate, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("PUT", path("/v1/{}/conversations/{}/messages/{}", this.appId, conversationId, messageId), { body, ...options });
  }

  /** Delete a message. */
  deleteMessage(conversationId: string, messageId: string, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("DELETE", path("/v1/{}/conversations/{}/messages/{}", this.appId, conversationId, messageId), { ...options });
  }

  /** Mark a conversation read by a user. */
  markAllRead(conversationId: string, userId: string, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("POST", path("/v1/{}/conversations/{}/readBy/{}", this.appId, conversationId, userId), { ...options });
  }

  /** Mark a conversation read up to a moment, or unread. */
  markReadUntil(userId: string, conversationId: string, body?: models.ReadStateUpdate, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("PATCH", path("/v1/{}/users/{}/conversations/{}", this.appId, userId, conversationId), { body, ...options });
  }

  /** Import 1 to 100 messages from another system. */
  importMessages(conversationId: string, body: Array<models.ImportedMessage>, options: ChangeOptions = {}): Promise<Array<models.PostedMessage>> {
    return this.send("POST", path("/v1/{}/import/conversations/{}/messages", this.appId, conversationId), { body, ...options });
  }

  /** Add a reaction. */
  addReaction(conversationId: string, messageId: string, emoji: string, userId: string, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("PUT", path("/v1/{}/conversations/{}/messages/{}/reactions/{}/{}", this.appId, conversationId, messageId, emoji, userId), { ...options });
  }

  /** Remove a reaction. */
  removeReaction(conversationId: string, messageId: string, emoji: string, userId: string, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("DELETE", path("/v1/{}/conversations/{}/messages/{}/reactions/{}/{}", this.appId, conversationId, messageId, emoji, userId), { ...options });
  }

  /** List the reactions to a message, the first emoji first. */
  listReactions(conversationId: string, messageId: string): Promise<models.EmojiUsersPage> {
    return this.send("GET", path("/v1/{}/conversations/{}/messages/{}/reactions", this.appId, conversationId, messageId), {  });
  }

  /** List the users who added an emoji to a message, the first one first. */
  listEmojiUsers(conversationId: string, messageId: string, emoji: string): Promise<models.ReactionUsers> {
    return this.send("GET", path("/v1/{}/conversations/{}/messages/{}/reactions/{}", this.appId, conversationId, messageId, emoji), {  });
  }

  /** List webhooks. */
  listWebhooks(): Promise<models.WebhookPage> {
    return this.send("GET", path("/v1/{}/webhooks", this.appId), {  });
  }

  /** Create or update a webhook. */
  putWebhook(webhookId: string, body: models.WebhookUpdate, options: ChangeOptions = {}): Promise<models.Webhook> {
    return this.send("PUT", path("/v1/{}/webhooks/{}", this.appId, webhookId), { body, ...options });
  }

  /** Get a webhook. */
  getWebhook(webhookId: string): Promise<models.Webhook> {
    return this.send("GET", path("/v1/{}/webhooks/{}", this.appId, webhookId), {  });
  }

  /** Delete a webhook. */
  deleteWebhook(webhookId: string, options: ChangeOptions = {}): Promise<models.Empty> {
    return this.send("DELETE", path("/v1/{}/webhooks/{}", this.appId, webhookId), { ...options });
  }

  /** Give a webhook a new secret. */
  rotateWebhookSecret(webhookId: string, options: ChangeOptions = {}): Promise<models.Webhook> {
    return this.send("POST", path("/v1/{}/webhooks/{}/rotate-secret", this.appId, webhookId), { ...options });
  }

  /** List deliveries, newest first. */
  listDeliveries(webhookId: string, query: { limit?: number | undefined; startingAfter?: string | undefined; stage?: "cancelled" | "failed" | "queued" | "sent" | undefined } = {}): Promise<models.WebhookDeliveryPage> {
    return this.send("GET", path("/v1/{}/webhooks/{}/deliveries", this.appId, webhookId), { query });
  }

  /** All pages of `listDeliveries`, item by item. */
  iterateDeliveries(webhookId: string, query: { limit?: number | undefined; stage?: "cancelled" | "failed" | "queued" | "sent" | undefined } = {}): AsyncGenerator<models.WebhookDelivery> {
    return this.pages((startingAfter) => this.listDeliveries(webhookId, { ...query, startingAfter }));
  }

  /** Replay events to a webhook. */
  replayEvents(webhookId: string, body?: models.WebhookReplay, options: ChangeOptions = {}): Promise<models.ReplayedEvents> {
    return this.send("POST", path("/v1/{}/webhooks/{}/replay", this.appId, webhookId), { body, ...options });
  }

  /** Send a test event. */
  testWebhook(webhookId: string, options: ChangeOptions = {}): Promise<models.TestEvent> {
    return this.send("POST", path("/v1/{}/webhooks/{}/test", this.appId, webhookId), { ...options });
  }

  /** List inbound mails, newest first. */
  listInboundMails(query: { limit?: number | undefined; startingAfter?: string | undefined; outcome?: models.Outcome | undefined; conversationId?: string | undefined; userId?: string | undefined } = {}): Promise<models.InboundMailPage> {
    return this.send("GET", path("/v1/{}/inbound-mails", this.appId), { query });
  }

  /** All pages of `listInboundMails`, item by item. */
  iterateInboundMails(query: { limit?: number | undefined; outcome?: models.Outcome | undefined; conversationId?: string | undefined; userId?: string | undefined } = {}): AsyncGenerator<models.InboundMail> {
    return this.pages((startingAfter) => this.listInboundMails({ ...query, startingAfter }));
  }

  /** Get an inbound mail. */
  getInboundMail(mailId: string): Promise<models.InboundMail> {
    return this.send("GET", path("/v1/{}/inbound-mails/{}", this.appId, mailId), {  });
  }

  /** Process a mail again. */
  replayInboundMail(mailId: string, options: ChangeOptions = {}): Promise<models.InboundMail> {
    return this.send("POST", path("/v1/{}/inbound-mails/{}/replay", this.appId, mailId), { ...options });
  }

  /** Release a mail from quarantine. */
  releaseInboundMail(mailId: string, options: ChangeOptions = {}): Promise<models.InboundMail> {
    return this.send("POST", path("/v1/{}/inbound-mails/{}/release", this.appId, mailId), { ...options });
  }

  /** Run up to 10 requests in one. */
  batch(body: Array<models.BatchOperation>, options: ChangeOptions = {}): Promise<Array<models.BatchResult>> {
    return this.send("POST", path("/v1/{}/batch", this.appId), { body, ...options });
  }

  /** Check that the process answers. */
  isAlive(): Promise<models.Health> {
    return this.send("GET", path("/healthz"), {  });
  }

  /** Check that the installation can work. */
  isReady(): Promise<models.Readiness> {
    return this.send("GET", path("/readyz"), {  });
  }

}
