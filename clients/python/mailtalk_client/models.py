"""Types of the API. Made by clients/generator: do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict, Union

Error = TypedDict(
    "Error",
    {
        "errorCode": "str",
        "reasons": "Union[dict[str, list[str]], list[str]]",
    },
)
"""An error: a code for programs, and reasons for people, by field or as a list."""

Change = TypedDict(
    "Change",
    {
        "id": "str",
        "kind": "Literal['join', 'leave', 'rotate', 'update']",
        "conversationId": "str",
        "userId": "str",
        "status": "Literal['applied', 'pending', 'rejected']",
        "errorCode": "NotRequired[str]",
        "by": "Actor",
        "requestedAt": "int",
        "appliedAt": "Union[int, None]",
        "appliedSeq": "NotRequired[Union[int, None]]",
        "access": "NotRequired[Access]",
        "notify": "NotRequired[Union[bool, Literal['MentionsOnly']]]",
        "muteUntil": "NotRequired[Union[str, None]]",
        "frequency": "NotRequired[Frequency]",
    },
)
"""A change of participation. In the log with the requested settings and `appliedSeq`, its place in the order."""

Actor = Literal["backend", "operator", "participant"]

Access = Literal["None", "Read", "ReadWrite"]

Frequency = Literal["daily", "default", "hourly", "immediately"]

Event = TypedDict(
    "Event",
    {
        "id": "str",
        "type": "EventType",
        "createdAt": "int",
        "data": "dict[str, Any]",
        "conversationId": "Union[str, None]",
        "sequence": "Union[int, None]",
    },
)
"""Body of a request to a webhook."""

EventType = Literal[
    "conversation.deleted",
    "email.rejected",
    "message.deleted",
    "message.reactionUpdated",
    "message.read",
    "message.sent",
    "message.updated",
    "notification.bounced",
    "notification.cancelled",
    "notification.sent",
    "notification.triggered",
    "participant.joined",
    "participant.left",
    "participant.updated",
    "user.created",
    "user.deleted",
    "user.updated",
    "webhook.test",
]

App = TypedDict(
    "App",
    {
        "id": "str",
        "name": "str",
        "defaultLocale": "Union[str, None]",
        "custom": "dict[str, Any]",
    },
)
"""An app."""

AppUpdate = TypedDict(
    "AppUpdate",
    {
        "defaultLocale": "NotRequired[Union[str, None]]",
        "custom": "NotRequired[Union[dict[str, Union[str, None]], None]]",
    },
)
"""Fields of an app to set. Null clears a field, an absent one is unchanged; `custom` merges key by key."""

Empty = dict[str, Any]

Presences = TypedDict(
    "Presences",
    {
        "data": "NotRequired[dict[str, Any]]",
    },
)
"""The presence of users, by id."""

UserUpdate = TypedDict(
    "UserUpdate",
    {
        "name": "NotRequired[Union[str, None]]",
        "email": "NotRequired[Union[str, list[str], None]]",
        "phone": "NotRequired[Union[str, list[str], None]]",
        "photoUrl": "NotRequired[Union[str, None]]",
        "welcomeMessage": "NotRequired[Union[str, None]]",
        "locale": "NotRequired[Union[str, None]]",
        "timeZone": "NotRequired[Union[str, None]]",
        "role": "NotRequired[Union[str, None]]",
        "custom": "NotRequired[Union[dict[str, Union[str, None]], None]]",
        "pushTokens": "NotRequired[Union[dict[str, Any], None]]",
        "availabilityText": "NotRequired[Union[str, None]]",
        "headerPhotoUrl": "NotRequired[Union[str, None]]",
    },
)
"""Fields of a user to set. Null clears a field, an absent one is unchanged; `custom` merges key by key."""

UserPage = TypedDict(
    "UserPage",
    {
        "data": "list[User]",
    },
)
"""A page of a list."""

User = TypedDict(
    "User",
    {
        "id": "str",
        "name": "str",
        "email": "Union[list[str], None]",
        "phone": "Union[list[str], None]",
        "photoUrl": "Union[str, None]",
        "welcomeMessage": "Union[str, None]",
        "locale": "Union[str, None]",
        "timeZone": "Union[str, None]",
        "role": "Union[str, None]",
        "custom": "dict[str, Any]",
        "pushTokens": "dict[str, Any]",
        "availabilityText": "Union[str, None]",
        "headerPhotoUrl": "Union[str, None]",
        "createdAt": "int",
    },
)
"""A user."""

ErasedMessages = Literal["anonymise", "remove"]

ConversationPage = TypedDict(
    "ConversationPage",
    {
        "data": "list[Conversation]",
    },
)
"""A page of a list."""

Conversation = TypedDict(
    "Conversation",
    {
        "id": "str",
        "subject": "Union[str, None]",
        "photoUrl": "Union[str, None]",
        "welcomeMessages": "Union[list[str], None]",
        "custom": "dict[str, Any]",
        "lastMessage": "NotRequired[Union[Message, None]]",
        "participants": "NotRequired[Union[dict[str, ParticipantSettings], None]]",
        "everyoneReadUntil": "NotRequired[Union[int, None]]",
        "createdAt": "int",
        "topicId": "Union[str, None]",
    },
)
"""A conversation. The map of participants holds those with access `ReadWrite` or `Read`."""

Message = TypedDict(
    "Message",
    {
        "id": "str",
        "conversationId": "str",
        "type": "MessageType",
        "senderId": "Union[str, None]",
        "text": "str",
        "content": "list[dict[str, Any]]",
        "readBy": "list[str]",
        "origin": "Origin",
        "location": "Union[list[float], None]",
        "attachment": "Union[Attachment, None]",
        "custom": "dict[str, Any]",
        "createdAt": "int",
        "editedAt": "Union[int, None]",
        "referencedMessageId": "Union[str, None]",
        "reactions": "list[Reactions]",
    },
)
"""A message."""

MessageType = Literal["SystemMessage", "UserMessage"]

Origin = Literal["email", "import", "rest", "web"]

Attachment = TypedDict(
    "Attachment",
    {
        "url": "str",
        "size": "int",
    },
)
"""A file of a message; the size is in bytes."""

Reactions = TypedDict(
    "Reactions",
    {
        "emoji": "str",
        "count": "int",
    },
)
"""An emoji at a message, and the number of users who added it."""

ParticipantSettings = TypedDict(
    "ParticipantSettings",
    {
        "access": "Access",
        "notify": "Union[bool, Literal['MentionsOnly']]",
    },
)
"""A participant in the map of a conversation."""

UserConversationPage = TypedDict(
    "UserConversationPage",
    {
        "data": "list[UserConversation]",
    },
)
"""A page of a list."""

UserConversation = TypedDict(
    "UserConversation",
    {
        "id": "str",
        "subject": "Union[str, None]",
        "photoUrl": "Union[str, None]",
        "welcomeMessages": "Union[list[str], None]",
        "custom": "dict[str, Any]",
        "lastMessage": "NotRequired[Union[Message, None]]",
        "participants": "NotRequired[Union[dict[str, ParticipantSettings], None]]",
        "everyoneReadUntil": "NotRequired[Union[int, None]]",
        "createdAt": "int",
        "topicId": "Union[str, None]",
        "unreadMessageCount": "int",
        "isUnread": "bool",
    },
)
"""A conversation in a user's list, as this user may see it."""

ConversationUpdate = TypedDict(
    "ConversationUpdate",
    {
        "subject": "NotRequired[Union[str, None]]",
        "photoUrl": "NotRequired[Union[str, None]]",
        "welcomeMessages": "NotRequired[Union[list[str], None]]",
        "custom": "NotRequired[Union[dict[str, Union[str, None]], None]]",
        "participants": "NotRequired[Union[list[str], None]]",
    },
)
"""Fields of a conversation to set. Null clears a field, an absent one is unchanged; `participants` adds users."""

NewParticipant = TypedDict(
    "NewParticipant",
    {
        "notify": "NotRequired[Union[Union[bool, Literal['MentionsOnly']], None]]",
        "access": "NotRequired[Union[Literal['Read', 'ReadWrite'], None]]",
        "muteUntil": "NotRequired[Union[str, None]]",
        "frequency": "NotRequired[Union[Frequency, None]]",
    },
)
"""Settings of a user who joins. Absent ones get their defaults: `ReadWrite`, `true`, not muted, `default`."""

ParticipantUpdate = TypedDict(
    "ParticipantUpdate",
    {
        "notify": "NotRequired[Union[Union[bool, Literal['MentionsOnly']], None]]",
        "access": "NotRequired[Union[Access, None]]",
        "muteUntil": "NotRequired[Union[str, None]]",
        "frequency": "NotRequired[Union[Frequency, None]]",
        "readUntil": "NotRequired[Union[int, None]]",
    },
)
"""Fields of a participant to change; an absent one is unchanged."""

Participant = TypedDict(
    "Participant",
    {
        "id": "NotRequired[str]",
        "access": "Access",
        "notify": "Union[bool, Literal['MentionsOnly']]",
        "muteUntil": "Union[str, None]",
        "frequency": "Frequency",
        "joinedAt": "int",
        "isUnread": "bool",
        "readUntil": "Union[int, None]",
    },
)
"""A participant; in a list with the user's id."""

ParticipantPage = TypedDict(
    "ParticipantPage",
    {
        "data": "list[Participant]",
    },
)
"""A page of a list."""

NotificationPage = TypedDict(
    "NotificationPage",
    {
        "data": "list[Notification]",
    },
)
"""A page of a list."""

Notification = TypedDict(
    "Notification",
    {
        "id": "str",
        "status": "NotificationStatus",
        "reason": "Union[str, None]",
        "messageIds": "list[str]",
        "createdAt": "int",
        "notBefore": "int",
        "endedAt": "Union[int, None]",
        "deliveries": "list[Delivery]",
    },
)
"""A notification: mailed, waiting to be mailed, or not mailed, with the reason."""

NotificationStatus = Literal["cancelled", "made", "open"]

Delivery = TypedDict(
    "Delivery",
    {
        "address": "str",
        "stage": "Stage",
        "reply": "Union[str, None]",
        "attempts": "int",
        "notBefore": "int",
        "sentAt": "Union[int, None]",
        "bouncedAt": "Union[int, None]",
    },
)
"""A mail to one address, and the result of sending it."""

Stage = Literal[
    "cancelled", "captured", "claimed", "deferred", "failed", "held", "outdated", "queued", "sending", "sent", "unknown"
]

InboundAddress = TypedDict(
    "InboundAddress",
    {
        "emailAddress": "str",
    },
)
"""The secret address of a participant."""

ParticipantActions = TypedDict(
    "ParticipantActions",
    {
        "actions": "list[Union[JoinAction, UpdateAction, LeaveAction]]",
    },
)
"""Changes of many participants."""

JoinAction = TypedDict(
    "JoinAction",
    {
        "method": "Literal['PUT']",
        "id": "Union[int, str]",
        "params": "JoinParams",
    },
)
"""An action that joins."""

JoinParams = TypedDict(
    "JoinParams",
    {
        "notify": "NotRequired[Union[Union[bool, Literal['MentionsOnly']], None]]",
        "access": "NotRequired[Union[Literal['Read', 'ReadWrite'], None]]",
        "muteUntil": "NotRequired[Union[str, None]]",
        "frequency": "NotRequired[Union[Frequency, None]]",
        "userId": "str",
    },
)
"""User who joins, and their settings."""

UpdateAction = TypedDict(
    "UpdateAction",
    {
        "method": "Literal['PATCH']",
        "id": "Union[int, str]",
        "params": "UpdateParams",
    },
)
"""An action that updates."""

UpdateParams = TypedDict(
    "UpdateParams",
    {
        "notify": "NotRequired[Union[Union[bool, Literal['MentionsOnly']], None]]",
        "access": "NotRequired[Union[Access, None]]",
        "muteUntil": "NotRequired[Union[str, None]]",
        "frequency": "NotRequired[Union[Frequency, None]]",
        "readUntil": "NotRequired[Union[int, None]]",
        "userId": "str",
    },
)
"""User who is updated, and the fields to change."""

LeaveAction = TypedDict(
    "LeaveAction",
    {
        "method": "Literal['DELETE']",
        "id": "Union[int, str]",
        "params": "LeaveParams",
    },
)
"""An action that leaves."""

LeaveParams = TypedDict(
    "LeaveParams",
    {
        "userId": "str",
    },
)
"""User who leaves."""

ActionResults = TypedDict(
    "ActionResults",
    {
        "responses": "list[ActionResult]",
    },
)
"""The results, in the order of the actions."""

ActionResult = TypedDict(
    "ActionResult",
    {
        "id": "Union[int, str, None]",
        "status": "int",
        "changeId": "NotRequired[str]",
        "errorCode": "NotRequired[str]",
        "reasons": "NotRequired[Union[dict[str, list[str]], list[str]]]",
    },
)
"""The result of one action, with the status and error a single request would have got."""

ChangePage = TypedDict(
    "ChangePage",
    {
        "data": "list[Change]",
    },
)
"""A page of a list."""

NewMessage = TypedDict(
    "NewMessage",
    {
        "type": "MessageType",
        "text": "NotRequired[Union[str, None]]",
        "content": "NotRequired[Union[list[Union[TextBlock, FileBlock, LocationBlock]], None]]",
        "sender": "NotRequired[Union[str, None]]",
        "custom": "NotRequired[Union[dict[str, str], None]]",
        "attachment": "NotRequired[Union[NewAttachment, None]]",
        "attachmentToken": "NotRequired[Union[str, None]]",
        "location": "NotRequired[Union[list[float], None]]",
        "referencedMessageId": "NotRequired[Union[str, None]]",
        "idempotencyKey": "NotRequired[Union[str, None]]",
    },
)
"""A message to send: a text, a file, a location, or several of them."""

TextBlock = TypedDict(
    "TextBlock",
    {
        "type": "Literal['text']",
        "children": "list[Union[str, TextNode]]",
    },
)
"""A text block: strings, and nodes such as links, mentions and lists."""

FileBlock = TypedDict(
    "FileBlock",
    {
        "type": "Literal['file']",
        "fileToken": "NotRequired[Union[str, None]]",
        "url": "NotRequired[Union[str, None]]",
        "size": "NotRequired[Union[int, None]]",
    },
)
"""A file: the `fileToken` of an upload or of another message's file, or a `url` and `size` that you keep."""

LocationBlock = TypedDict(
    "LocationBlock",
    {
        "type": "Literal['location']",
        "latitude": "float",
        "longitude": "float",
    },
)
"""A location, in degrees."""

NewAttachment = TypedDict(
    "NewAttachment",
    {
        "url": "str",
        "size": "int",
    },
)
"""A file that you keep; the size is in bytes."""

PostedMessage = TypedDict(
    "PostedMessage",
    {
        "id": "str",
    },
)
"""Id of a posted message."""

MessagePage = TypedDict(
    "MessagePage",
    {
        "data": "list[Message]",
    },
)
"""A page of a list."""

MessageUpdate = TypedDict(
    "MessageUpdate",
    {
        "text": "NotRequired[Union[str, None]]",
        "content": "NotRequired[Union[list[TextBlock], None]]",
        "custom": "NotRequired[Union[dict[str, Union[str, None]], None]]",
    },
)
"""Fields of a message to change. `custom` merges key by key; null clears a key, or all of them."""

ReadStateUpdate = TypedDict(
    "ReadStateUpdate",
    {
        "readUntil": "NotRequired[Union[int, None]]",
        "unread": "NotRequired[Union[bool, None]]",
    },
)
"""The time up to which the conversation is read."""

ImportedMessage = TypedDict(
    "ImportedMessage",
    {
        "type": "MessageType",
        "text": "NotRequired[Union[str, None]]",
        "content": "NotRequired[Union[list[Union[TextBlock, FileBlock, LocationBlock]], None]]",
        "sender": "NotRequired[Union[str, None]]",
        "custom": "NotRequired[Union[dict[str, str], None]]",
        "attachment": "NotRequired[Union[NewAttachment, None]]",
        "attachmentToken": "NotRequired[Union[str, None]]",
        "location": "NotRequired[Union[list[float], None]]",
        "referencedMessageId": "NotRequired[Union[str, None]]",
        "idempotencyKey": "NotRequired[Union[str, None]]",
        "createdAt": "NotRequired[Union[int, None]]",
        "timestamp": "NotRequired[Union[int, None]]",
        "readBy": "NotRequired[Union[list[str], None]]",
    },
)
"""A message from another system, with its original time."""

EmojiUsersPage = TypedDict(
    "EmojiUsersPage",
    {
        "data": "list[EmojiUsers]",
    },
)
"""A page of a list."""

EmojiUsers = TypedDict(
    "EmojiUsers",
    {
        "emoji": "str",
        "userIds": "list[str]",
    },
)
"""An emoji on a message, and the users who added it."""

ReactionUsers = TypedDict(
    "ReactionUsers",
    {
        "data": "list[str]",
    },
)
"""Ids of the users who added an emoji to a message."""

FileUpload = TypedDict(
    "FileUpload",
    {
        "file": "str",
    },
)
"""A file to upload."""

UploadedFile = TypedDict(
    "UploadedFile",
    {
        "attachmentToken": "str",
        "fileToken": "str",
    },
)
"""The token of an uploaded file, for `attachmentToken` or a `file` block; both are the same."""

WebhookPage = TypedDict(
    "WebhookPage",
    {
        "data": "list[Webhook]",
    },
)
"""A page of a list."""

Webhook = TypedDict(
    "Webhook",
    {
        "id": "str",
        "url": "str",
        "events": "Union[list[EventType], None]",
        "ordered": "bool",
        "status": "EndpointStatus",
        "reason": "Union[str, None]",
        "failingSince": "Union[int, None]",
        "secretSince": "int",
        "createdAt": "int",
        "secret": "NotRequired[Union[str, None]]",
    },
)
"""A webhook."""

EndpointStatus = Literal["active", "disabled", "paused"]

WebhookUpdate = TypedDict(
    "WebhookUpdate",
    {
        "url": "str",
        "secret": "NotRequired[Union[str, None]]",
        "events": "NotRequired[Union[list[EventType], None]]",
        "ordered": "NotRequired[Union[bool, None]]",
    },
)
"""Settings of a webhook. Without a secret it keeps its own, or one is generated; null or no events: all of them."""

WebhookDeliveryPage = TypedDict(
    "WebhookDeliveryPage",
    {
        "data": "list[WebhookDelivery]",
    },
)
"""A page of a list."""

WebhookDelivery = TypedDict(
    "WebhookDelivery",
    {
        "id": "str",
        "eventId": "str",
        "type": "Union[EventType, None]",
        "conversationId": "Union[str, None]",
        "sequence": "Union[int, None]",
        "stage": "Literal['cancelled', 'failed', 'queued', 'sent']",
        "attempts": "int",
        "status": "Union[int, None]",
        "reply": "Union[str, None]",
        "createdAt": "int",
        "triedAt": "Union[int, None]",
        "nextTryAt": "Union[int, None]",
        "endedAt": "Union[int, None]",
    },
)
"""An event for a webhook, and the result of sending it."""

WebhookReplay = TypedDict(
    "WebhookReplay",
    {
        "from": "NotRequired[Union[int, None]]",
        "to": "NotRequired[Union[int, None]]",
        "eventIds": "NotRequired[Union[list[str], None]]",
    },
)
"""The events to send again: those of a period (`from` included, `to` excluded), or those with these ids."""

ReplayedEvents = TypedDict(
    "ReplayedEvents",
    {
        "count": "int",
    },
)
"""Number of events to be sent again."""

TestEvent = TypedDict(
    "TestEvent",
    {
        "eventId": "str",
    },
)
"""Event of a test."""

Outcome = Literal["failed", "ignored", "posted", "quarantined", "received", "refused", "unsubscribed"]

InboundMailPage = TypedDict(
    "InboundMailPage",
    {
        "data": "list[InboundMail]",
    },
)
"""A page of a list."""

InboundMail = TypedDict(
    "InboundMail",
    {
        "id": "str",
        "outcome": "Outcome",
        "verdict": "Union[Verdict, None]",
        "reason": "Union[str, None]",
        "flag": "Union[str, None]",
        "purpose": "Purpose",
        "userId": "Union[str, None]",
        "conversationId": "Union[str, None]",
        "messageId": "Union[str, None]",
        "size": "Union[int, None]",
        "receivedAt": "int",
        "processedAt": "Union[int, None]",
        "releasedAt": "Union[int, None]",
        "canReplay": "bool",
        "elided": "NotRequired[Union[str, None]]",
        "evidence": "NotRequired[Union[dict[str, Union[str, None]], None]]",
    },
)
"""A mail to an inbound address, and its outcome. The address is a secret and never shown."""

Verdict = Literal[
    "ambiguous",
    "auto-generated",
    "auto-reply",
    "bounce",
    "complaint",
    "duplicate",
    "empty",
    "flood",
    "list",
    "loop",
    "no-access",
    "person",
    "postmaster",
    "sender",
    "unreadable",
]

Purpose = Literal["bounce", "digest", "postmaster", "reply", "unsubscribe"]

BatchOperation = list[Any]

BatchOptions = TypedDict(
    "BatchOptions",
    {
        "api_version": "NotRequired[Union[str, None]]",
    },
)
"""Options of one operation of a batch."""

BatchResult = list[Any]

Health = TypedDict(
    "Health",
    {
        "status": "Literal['ok']",
    },
)
"""State of the process."""

Readiness = TypedDict(
    "Readiness",
    {
        "status": "Literal['ready', 'unready']",
        "database": "Literal['away', 'ok']",
        "worker": "Literal['away', 'ok', 'unknown']",
        "broker": "Literal['away', 'ok']",
        "missing": "NotRequired[list[str]]",
        "reason": "NotRequired[str]",
    },
)
"""State of the process's dependencies."""

OpenApi = TypedDict(
    "OpenApi",
    {
        "openapi": "str",
    },
)
"""An OpenAPI document."""

ApiVersion = Literal["2021-01-01", "2021-02-09", "2021-07-30", "2024-01-01"]

TextNode = TypedDict(
    "TextNode",
    {
        "type": "str",
        "children": "NotRequired[list[Union[str, TextNode]]]",
    },
)
"""A part of a text: a `link` with its `url`, a `mention` with its `id`, a `bulletList` …"""
