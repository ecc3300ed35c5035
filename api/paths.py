"""Paths shared by several handlers, relative to the app."""

CONVERSATION = "/conversations/{conversationId}"
MESSAGES = CONVERSATION + "/messages"
MESSAGE = MESSAGES + "/{messageId}"
PARTICIPANTS = CONVERSATION + "/participants"
PARTICIPANT = PARTICIPANTS + "/{userId}"
USER = "/users/{userId}"
WEBHOOK = "/webhooks/{webhookId}"
