"""Asynchronous client of the API. Made by clients/generate.py: do not edit."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self, Union

import httpx

from mailtalk_client import core, models
from mailtalk_client.core import Retries, path


class AsyncClient:
    """Asynchronous client of one app: a method for each operation, an iterator for each list.

    Temporary errors and lost connections are retried; a change carries an Idempotency-Key, so that it happens once.
    Final errors raise MailtalkError.
    """

    def __init__(
        self,
        base_url: str,
        app_id: str,
        secret: str,
        *,
        timeout: float = 30,
        retries: Retries | None = None,
        transport: Any = None,
    ) -> None:
        """`base_url` is the API's, without /v1; `secret` the app's secret or a JWT made with it; `timeout` in seconds."""
        self.app_id = app_id
        self._retries = retries or Retries()
        own = {"Authorization": f"Bearer {secret}"}
        self._http = httpx.AsyncClient(base_url=base_url, headers=own, timeout=timeout, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def get_app(self) -> models.App:
        """Get the app."""
        answer: models.App = await self._send("GET", path("/v1/{}", self.app_id))
        return answer

    async def put_app(
        self, body: models.AppUpdate | None = None, *, idempotency_key: str | None = None
    ) -> models.Empty:
        """Update the app."""
        answer: models.Empty = await self._send(
            "PUT", path("/v1/{}", self.app_id), json=body, idempotency_key=idempotency_key
        )
        return answer

    async def get_presences(self, *, idempotency_key: str | None = None) -> models.Presences:
        """Get the presence of users."""
        answer: models.Presences = await self._send(
            "POST", path("/v1/{}/presences", self.app_id), idempotency_key=idempotency_key
        )
        return answer

    async def list_sessions(self, user_id: str) -> list[str]:
        """List the sessions of a user."""
        answer: list[str] = await self._send("GET", path("/v1/{}/users/{}/sessions", self.app_id, user_id))
        return answer

    async def put_users(
        self, body: dict[str, models.UserUpdate], *, idempotency_key: str | None = None
    ) -> models.Empty:
        """Create or update up to 100 users."""
        answer: models.Empty = await self._send(
            "PUT", path("/v1/{}/users", self.app_id), json=body, idempotency_key=idempotency_key
        )
        return answer

    async def list_users(
        self, *, limit: int | None = None, starting_after: str | None = None, is_online: bool | None = None
    ) -> models.UserPage:
        """List users, newest first."""
        answer: models.UserPage = await self._send(
            "GET",
            path("/v1/{}/users", self.app_id),
            params={"limit": limit, "startingAfter": starting_after, "isOnline": is_online},
        )
        return answer

    async def iterate_users(
        self, *, limit: int | None = None, is_online: bool | None = None
    ) -> AsyncIterator[models.User]:
        """All pages of `list_users`, item by item."""
        last: str | None = None
        while True:
            page = await self.list_users(limit=limit, is_online=is_online, starting_after=last)
            for item in page["data"]:
                yield item
            if not page["data"]:
                return
            last = page["data"][-1]["id"]

    async def put_user(
        self, user_id: str, body: models.UserUpdate | None = None, *, idempotency_key: str | None = None
    ) -> models.Empty:
        """Create or update a user."""
        answer: models.Empty = await self._send(
            "PUT", path("/v1/{}/users/{}", self.app_id, user_id), json=body, idempotency_key=idempotency_key
        )
        return answer

    async def get_user(self, user_id: str) -> models.User:
        """Get a user."""
        answer: models.User = await self._send("GET", path("/v1/{}/users/{}", self.app_id, user_id))
        return answer

    async def erase_user(
        self, user_id: str, *, messages: models.ErasedMessages | None = None, idempotency_key: str | None = None
    ) -> models.Empty:
        """Erase a user."""
        answer: models.Empty = await self._send(
            "DELETE",
            path("/v1/{}/users/{}", self.app_id, user_id),
            params={"messages": messages},
            idempotency_key=idempotency_key,
        )
        return answer

    async def list_conversations(
        self,
        *,
        limit: int | None = None,
        starting_after: str | None = None,
        order_by: Literal["createdAt", "lastActivity"] | None = None,
        order_direction: Literal["ASC", "DESC"] | None = None,
        offset_ts: int | None = None,
        last_message_before: int | None = None,
        last_message_after: int | None = None,
        filter: str | None = None,
    ) -> models.ConversationPage:
        """List conversations."""
        answer: models.ConversationPage = await self._send(
            "GET",
            path("/v1/{}/conversations", self.app_id),
            params={
                "limit": limit,
                "startingAfter": starting_after,
                "orderBy": order_by,
                "orderDirection": order_direction,
                "offsetTs": offset_ts,
                "lastMessageBefore": last_message_before,
                "lastMessageAfter": last_message_after,
                "filter": filter,
            },
        )
        return answer

    async def iterate_conversations(
        self,
        *,
        limit: int | None = None,
        order_by: Literal["createdAt", "lastActivity"] | None = None,
        order_direction: Literal["ASC", "DESC"] | None = None,
        offset_ts: int | None = None,
        last_message_before: int | None = None,
        last_message_after: int | None = None,
        filter: str | None = None,
    ) -> AsyncIterator[models.Conversation]:
        """All pages of `list_conversations`, item by item."""
        last: str | None = None
        while True:
            page = await self.list_conversations(
                limit=limit,
                order_by=order_by,
                order_direction=order_direction,
                offset_ts=offset_ts,
                last_message_before=last_message_before,
                last_message_after=last_message_after,
                filter=filter,
                starting_after=last,
            )
            for item in page["data"]:
                yield item
            if not page["data"]:
                return
            last = page["data"][-1]["id"]

    async def list_user_conversations(
        self,
        user_id: str,
        *,
        limit: int | None = None,
        starting_after: str | None = None,
        order_by: Literal["createdAt", "lastActivity"] | None = None,
        order_direction: Literal["ASC", "DESC"] | None = None,
        offset_ts: int | None = None,
        last_message_before: int | None = None,
        last_message_after: int | None = None,
        filter: str | None = None,
        unreads_only: bool | None = None,
    ) -> models.UserConversationPage:
        """List a user's conversations."""
        answer: models.UserConversationPage = await self._send(
            "GET",
            path("/v1/{}/users/{}/conversations", self.app_id, user_id),
            params={
                "limit": limit,
                "startingAfter": starting_after,
                "orderBy": order_by,
                "orderDirection": order_direction,
                "offsetTs": offset_ts,
                "lastMessageBefore": last_message_before,
                "lastMessageAfter": last_message_after,
                "filter": filter,
                "unreadsOnly": unreads_only,
            },
        )
        return answer

    async def iterate_user_conversations(
        self,
        user_id: str,
        *,
        limit: int | None = None,
        order_by: Literal["createdAt", "lastActivity"] | None = None,
        order_direction: Literal["ASC", "DESC"] | None = None,
        offset_ts: int | None = None,
        last_message_before: int | None = None,
        last_message_after: int | None = None,
        filter: str | None = None,
        unreads_only: bool | None = None,
    ) -> AsyncIterator[models.UserConversation]:
        """All pages of `list_user_conversations`, item by item."""
        last: str | None = None
        while True:
            page = await self.list_user_conversations(
                user_id,
                limit=limit,
                order_by=order_by,
                order_direction=order_direction,
                offset_ts=offset_ts,
                last_message_before=last_message_before,
                last_message_after=last_message_after,
                filter=filter,
                unreads_only=unreads_only,
                starting_after=last,
            )
            for item in page["data"]:
                yield item
            if not page["data"]:
                return
            last = page["data"][-1]["id"]

    async def put_conversation(
        self,
        conversation_id: str,
        body: models.ConversationUpdate | None = None,
        *,
        idempotency_key: str | None = None,
        wait: bool = True,
    ) -> models.Empty:
        """Create or update a conversation."""
        answer: models.Empty = await self._send(
            "PUT",
            path("/v1/{}/conversations/{}", self.app_id, conversation_id),
            json=body,
            idempotency_key=idempotency_key,
            wait=wait,
        )
        return answer

    async def get_conversation(self, conversation_id: str) -> models.Conversation:
        """Get a conversation."""
        answer: models.Conversation = await self._send(
            "GET", path("/v1/{}/conversations/{}", self.app_id, conversation_id)
        )
        return answer

    async def delete_conversation(self, conversation_id: str, *, idempotency_key: str | None = None) -> models.Empty:
        """Delete a conversation."""
        answer: models.Empty = await self._send(
            "DELETE", path("/v1/{}/conversations/{}", self.app_id, conversation_id), idempotency_key=idempotency_key
        )
        return answer

    async def join_conversation(
        self,
        conversation_id: str,
        user_id: str,
        body: models.NewParticipant | None = None,
        *,
        idempotency_key: str | None = None,
        wait: bool = True,
    ) -> models.Empty:
        """Join: add a participant, or overwrite one."""
        answer: models.Empty = await self._send(
            "PUT",
            path("/v1/{}/conversations/{}/participants/{}", self.app_id, conversation_id, user_id),
            json=body,
            idempotency_key=idempotency_key,
            wait=wait,
        )
        return answer

    async def update_participant(
        self,
        conversation_id: str,
        user_id: str,
        body: models.ParticipantUpdate | None = None,
        *,
        idempotency_key: str | None = None,
        wait: bool = True,
    ) -> models.Empty:
        """Update a participant."""
        answer: models.Empty = await self._send(
            "PATCH",
            path("/v1/{}/conversations/{}/participants/{}", self.app_id, conversation_id, user_id),
            json=body,
            idempotency_key=idempotency_key,
            wait=wait,
        )
        return answer

    async def leave_conversation(
        self, conversation_id: str, user_id: str, *, idempotency_key: str | None = None, wait: bool = True
    ) -> models.Empty:
        """Leave a conversation."""
        answer: models.Empty = await self._send(
            "DELETE",
            path("/v1/{}/conversations/{}/participants/{}", self.app_id, conversation_id, user_id),
            idempotency_key=idempotency_key,
            wait=wait,
        )
        return answer

    async def get_participant(self, conversation_id: str, user_id: str) -> models.Participant:
        """Get a participant."""
        answer: models.Participant = await self._send(
            "GET", path("/v1/{}/conversations/{}/participants/{}", self.app_id, conversation_id, user_id)
        )
        return answer

    async def list_participants(
        self, conversation_id: str, *, limit: int | None = None, starting_after: str | None = None
    ) -> models.ParticipantPage:
        """List participants, newest join first."""
        answer: models.ParticipantPage = await self._send(
            "GET",
            path("/v1/{}/conversations/{}/participants", self.app_id, conversation_id),
            params={"limit": limit, "startingAfter": starting_after},
        )
        return answer

    async def iterate_participants(
        self, conversation_id: str, *, limit: int | None = None
    ) -> AsyncIterator[models.Participant]:
        """All pages of `list_participants`, item by item."""
        last: str | None = None
        while True:
            page = await self.list_participants(conversation_id, limit=limit, starting_after=last)
            for item in page["data"]:
                yield item
            if not page["data"]:
                return
            last = page["data"][-1]["id"]

    async def change_participants(
        self,
        conversation_id: str,
        body: models.ParticipantActions,
        *,
        idempotency_key: str | None = None,
        wait: bool = True,
    ) -> models.ActionResults:
        """Join, update and leave, up to 1,000 at once."""
        answer: models.ActionResults = await self._send(
            "POST",
            path("/v1/{}/conversations/{}/participants", self.app_id, conversation_id),
            json=body,
            idempotency_key=idempotency_key,
            wait=wait,
        )
        return answer

    async def list_notifications(
        self, conversation_id: str, user_id: str, *, limit: int | None = None, starting_after: str | None = None
    ) -> models.NotificationPage:
        """List a participant's notifications: why they were mailed, or not."""
        answer: models.NotificationPage = await self._send(
            "GET",
            path("/v1/{}/conversations/{}/participants/{}/notifications", self.app_id, conversation_id, user_id),
            params={"limit": limit, "startingAfter": starting_after},
        )
        return answer

    async def iterate_notifications(
        self, conversation_id: str, user_id: str, *, limit: int | None = None
    ) -> AsyncIterator[models.Notification]:
        """All pages of `list_notifications`, item by item."""
        last: str | None = None
        while True:
            page = await self.list_notifications(conversation_id, user_id, limit=limit, starting_after=last)
            for item in page["data"]:
                yield item
            if not page["data"]:
                return
            last = page["data"][-1]["id"]

    async def get_inbound_address(self, conversation_id: str, user_id: str) -> models.InboundAddress:
        """Get a participant's inbound address."""
        answer: models.InboundAddress = await self._send(
            "GET", path("/v1/{}/conversations/{}/participants/{}/email", self.app_id, conversation_id, user_id)
        )
        return answer

    async def rotate_inbound_address(
        self, conversation_id: str, user_id: str, *, idempotency_key: str | None = None, wait: bool = True
    ) -> models.InboundAddress:
        """Give a participant a new inbound address."""
        answer: models.InboundAddress = await self._send(
            "POST",
            path("/v1/{}/conversations/{}/participants/{}/email/rotate", self.app_id, conversation_id, user_id),
            idempotency_key=idempotency_key,
            wait=wait,
        )
        return answer

    async def list_changes(
        self,
        *,
        limit: int | None = None,
        starting_after: str | None = None,
        conversation_id: str | None = None,
        user_id: str | None = None,
    ) -> models.ChangePage:
        """List a conversation's changes, newest first."""
        answer: models.ChangePage = await self._send(
            "GET",
            path("/v1/{}/changes", self.app_id),
            params={
                "limit": limit,
                "startingAfter": starting_after,
                "conversationId": conversation_id,
                "userId": user_id,
            },
        )
        return answer

    async def iterate_changes(
        self, *, limit: int | None = None, conversation_id: str | None = None, user_id: str | None = None
    ) -> AsyncIterator[models.Change]:
        """All pages of `list_changes`, item by item."""
        last: str | None = None
        while True:
            page = await self.list_changes(
                limit=limit, conversation_id=conversation_id, user_id=user_id, starting_after=last
            )
            for item in page["data"]:
                yield item
            if not page["data"]:
                return
            last = page["data"][-1]["id"]

    async def get_change(self, change_id: str) -> models.Change:
        """Get a change of participation."""
        answer: models.Change = await self._send("GET", path("/v1/{}/changes/{}", self.app_id, change_id))
        return answer

    async def post_messages(
        self, conversation_id: str, body: list[models.NewMessage], *, idempotency_key: str | None = None
    ) -> list[models.PostedMessage]:
        """Send 1 to 10 messages."""
        answer: list[models.PostedMessage] = await self._send(
            "POST",
            path("/v1/{}/conversations/{}/messages", self.app_id, conversation_id),
            json=body,
            idempotency_key=idempotency_key,
        )
        return answer

    async def list_messages(
        self,
        conversation_id: str,
        *,
        limit: int | None = None,
        starting_after: str | None = None,
        as_user: str | None = None,
    ) -> models.MessagePage:
        """List messages, newest first."""
        answer: models.MessagePage = await self._send(
            "GET",
            path("/v1/{}/conversations/{}/messages", self.app_id, conversation_id),
            params={"limit": limit, "startingAfter": starting_after, "asUser": as_user},
        )
        return answer

    async def iterate_messages(
        self, conversation_id: str, *, limit: int | None = None, as_user: str | None = None
    ) -> AsyncIterator[models.Message]:
        """All pages of `list_messages`, item by item."""
        last: str | None = None
        while True:
            page = await self.list_messages(conversation_id, limit=limit, as_user=as_user, starting_after=last)
            for item in page["data"]:
                yield item
            if not page["data"]:
                return
            last = page["data"][-1]["id"]

    async def get_message(self, conversation_id: str, message_id: str) -> models.Message:
        """Get a message."""
        answer: models.Message = await self._send(
            "GET", path("/v1/{}/conversations/{}/messages/{}", self.app_id, conversation_id, message_id)
        )
        return answer

    async def edit_message(
        self,
        conversation_id: str,
        message_id: str,
        body: models.MessageUpdate | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> models.Empty:
        """Edit a message."""
        answer: models.Empty = await self._send(
            "PUT",
            path("/v1/{}/conversations/{}/messages/{}", self.app_id, conversation_id, message_id),
            json=body,
            idempotency_key=idempotency_key,
        )
        return answer

    async def delete_message(
        self, conversation_id: str, message_id: str, *, idempotency_key: str | None = None
    ) -> models.Empty:
        """Delete a message."""
        answer: models.Empty = await self._send(
            "DELETE",
            path("/v1/{}/conversations/{}/messages/{}", self.app_id, conversation_id, message_id),
            idempotency_key=idempotency_key,
        )
        return answer

    async def mark_all_read(
        self, conversation_id: str, user_id: str, *, idempotency_key: str | None = None
    ) -> models.Empty:
        """Mark a conversation read by a user."""
        answer: models.Empty = await self._send(
            "POST",
            path("/v1/{}/conversations/{}/readBy/{}", self.app_id, conversation_id, user_id),
            idempotency_key=idempotency_key,
        )
        return answer

    async def mark_read_until(
        self,
        user_id: str,
        conversation_id: str,
        body: models.ReadStateUpdate | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> models.Empty:
        """Mark a conversation read up to a moment, or unread."""
        answer: models.Empty = await self._send(
            "PATCH",
            path("/v1/{}/users/{}/conversations/{}", self.app_id, user_id, conversation_id),
            json=body,
            idempotency_key=idempotency_key,
        )
        return answer

    async def import_messages(
        self, conversation_id: str, body: list[models.ImportedMessage], *, idempotency_key: str | None = None
    ) -> list[models.PostedMessage]:
        """Import 1 to 100 messages from another system."""
        answer: list[models.PostedMessage] = await self._send(
            "POST",
            path("/v1/{}/import/conversations/{}/messages", self.app_id, conversation_id),
            json=body,
            idempotency_key=idempotency_key,
        )
        return answer

    async def add_reaction(
        self, conversation_id: str, message_id: str, emoji: str, user_id: str, *, idempotency_key: str | None = None
    ) -> models.Empty:
        """Add a reaction."""
        answer: models.Empty = await self._send(
            "PUT",
            path(
                "/v1/{}/conversations/{}/messages/{}/reactions/{}/{}",
                self.app_id,
                conversation_id,
                message_id,
                emoji,
                user_id,
            ),
            idempotency_key=idempotency_key,
        )
        return answer

    async def remove_reaction(
        self, conversation_id: str, message_id: str, emoji: str, user_id: str, *, idempotency_key: str | None = None
    ) -> models.Empty:
        """Remove a reaction."""
        answer: models.Empty = await self._send(
            "DELETE",
            path(
                "/v1/{}/conversations/{}/messages/{}/reactions/{}/{}",
                self.app_id,
                conversation_id,
                message_id,
                emoji,
                user_id,
            ),
            idempotency_key=idempotency_key,
        )
        return answer

    async def list_reactions(self, conversation_id: str, message_id: str) -> models.EmojiUsersPage:
        """List the reactions to a message, the first emoji first."""
        answer: models.EmojiUsersPage = await self._send(
            "GET", path("/v1/{}/conversations/{}/messages/{}/reactions", self.app_id, conversation_id, message_id)
        )
        return answer

    async def list_emoji_users(self, conversation_id: str, message_id: str, emoji: str) -> models.ReactionUsers:
        """List the users who added an emoji to a message, the first one first."""
        answer: models.ReactionUsers = await self._send(
            "GET",
            path("/v1/{}/conversations/{}/messages/{}/reactions/{}", self.app_id, conversation_id, message_id, emoji),
        )
        return answer

    async def list_webhooks(self) -> models.WebhookPage:
        """List webhooks."""
        answer: models.WebhookPage = await self._send("GET", path("/v1/{}/webhooks", self.app_id))
        return answer

    async def put_webhook(
        self, webhook_id: str, body: models.WebhookUpdate, *, idempotency_key: str | None = None
    ) -> models.Webhook:
        """Create or update a webhook."""
        answer: models.Webhook = await self._send(
            "PUT", path("/v1/{}/webhooks/{}", self.app_id, webhook_id), json=body, idempotency_key=idempotency_key
        )
        return answer

    async def get_webhook(self, webhook_id: str) -> models.Webhook:
        """Get a webhook."""
        answer: models.Webhook = await self._send("GET", path("/v1/{}/webhooks/{}", self.app_id, webhook_id))
        return answer

    async def delete_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> models.Empty:
        """Delete a webhook."""
        answer: models.Empty = await self._send(
            "DELETE", path("/v1/{}/webhooks/{}", self.app_id, webhook_id), idempotency_key=idempotency_key
        )
        return answer

    async def rotate_webhook_secret(self, webhook_id: str, *, idempotency_key: str | None = None) -> models.Webhook:
        """Give a webhook a new secret."""
        answer: models.Webhook = await self._send(
            "POST", path("/v1/{}/webhooks/{}/rotate-secret", self.app_id, webhook_id), idempotency_key=idempotency_key
        )
        return answer

    async def list_deliveries(
        self,
        webhook_id: str,
        *,
        limit: int | None = None,
        starting_after: str | None = None,
        stage: Literal["cancelled", "failed", "queued", "sent"] | None = None,
    ) -> models.WebhookDeliveryPage:
        """List deliveries, newest first."""
        answer: models.WebhookDeliveryPage = await self._send(
            "GET",
            path("/v1/{}/webhooks/{}/deliveries", self.app_id, webhook_id),
            params={"limit": limit, "startingAfter": starting_after, "stage": stage},
        )
        return answer

    async def iterate_deliveries(
        self,
        webhook_id: str,
        *,
        limit: int | None = None,
        stage: Literal["cancelled", "failed", "queued", "sent"] | None = None,
    ) -> AsyncIterator[models.WebhookDelivery]:
        """All pages of `list_deliveries`, item by item."""
        last: str | None = None
        while True:
            page = await self.list_deliveries(webhook_id, limit=limit, stage=stage, starting_after=last)
            for item in page["data"]:
                yield item
            if not page["data"]:
                return
            last = page["data"][-1]["id"]

    async def replay_events(
        self, webhook_id: str, body: models.WebhookReplay | None = None, *, idempotency_key: str | None = None
    ) -> models.ReplayedEvents:
        """Replay events to a webhook."""
        answer: models.ReplayedEvents = await self._send(
            "POST",
            path("/v1/{}/webhooks/{}/replay", self.app_id, webhook_id),
            json=body,
            idempotency_key=idempotency_key,
        )
        return answer

    async def test_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> models.TestEvent:
        """Send a test event."""
        answer: models.TestEvent = await self._send(
            "POST", path("/v1/{}/webhooks/{}/test", self.app_id, webhook_id), idempotency_key=idempotency_key
        )
        return answer

    async def list_inbound_mails(
        self,
        *,
        limit: int | None = None,
        starting_after: str | None = None,
        outcome: models.Outcome | None = None,
        conversation_id: str | None = None,
        user_id: str | None = None,
    ) -> models.InboundMailPage:
        """List inbound mails, newest first."""
        answer: models.InboundMailPage = await self._send(
            "GET",
            path("/v1/{}/inbound-mails", self.app_id),
            params={
                "limit": limit,
                "startingAfter": starting_after,
                "outcome": outcome,
                "conversationId": conversation_id,
                "userId": user_id,
            },
        )
        return answer

    async def iterate_inbound_mails(
        self,
        *,
        limit: int | None = None,
        outcome: models.Outcome | None = None,
        conversation_id: str | None = None,
        user_id: str | None = None,
    ) -> AsyncIterator[models.InboundMail]:
        """All pages of `list_inbound_mails`, item by item."""
        last: str | None = None
        while True:
            page = await self.list_inbound_mails(
                limit=limit, outcome=outcome, conversation_id=conversation_id, user_id=user_id, starting_after=last
            )
            for item in page["data"]:
                yield item
            if not page["data"]:
                return
            last = page["data"][-1]["id"]

    async def get_inbound_mail(self, mail_id: str) -> models.InboundMail:
        """Get an inbound mail."""
        answer: models.InboundMail = await self._send("GET", path("/v1/{}/inbound-mails/{}", self.app_id, mail_id))
        return answer

    async def replay_inbound_mail(self, mail_id: str, *, idempotency_key: str | None = None) -> models.InboundMail:
        """Process a mail again."""
        answer: models.InboundMail = await self._send(
            "POST", path("/v1/{}/inbound-mails/{}/replay", self.app_id, mail_id), idempotency_key=idempotency_key
        )
        return answer

    async def release_inbound_mail(self, mail_id: str, *, idempotency_key: str | None = None) -> models.InboundMail:
        """Release a mail from quarantine."""
        answer: models.InboundMail = await self._send(
            "POST", path("/v1/{}/inbound-mails/{}/release", self.app_id, mail_id), idempotency_key=idempotency_key
        )
        return answer

    async def batch(
        self, body: list[models.BatchOperation], *, idempotency_key: str | None = None
    ) -> list[models.BatchResult]:
        """Run up to 10 requests in one."""
        answer: list[models.BatchResult] = await self._send(
            "POST", path("/v1/{}/batch", self.app_id), json=body, idempotency_key=idempotency_key
        )
        return answer

    async def is_alive(self) -> models.Health:
        """Check that the process answers."""
        answer: models.Health = await self._send("GET", "/healthz")
        return answer

    async def is_ready(self) -> models.Readiness:
        """Check that the installation can work."""
        answer: models.Readiness = await self._send("GET", "/readyz")
        return answer

    async def upload_file(
        self,
        name: str,
        content: bytes,
        media_type: str = "application/octet-stream",
        *,
        idempotency_key: str | None = None,
    ) -> models.UploadedFile:
        """Upload a file; its token sends it in messages."""
        answer: models.UploadedFile = await self._send(
            "POST",
            path("/v1/{}/files", self.app_id),
            files={"file": (name, content, media_type)},
            idempotency_key=idempotency_key,
        )
        return answer

    async def _send(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        files: Any = None,
        params: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        wait: bool = True,
    ) -> Any:
        request = self._http.build_request(
            method,
            url,
            json=json,
            files=files,
            params=core.query(params or {}),
            headers=core.headers(method, idempotency_key, wait=wait),
        )
        attempt = 0
        while True:
            try:
                response: httpx.Response | None = await self._http.send(request)
            except httpx.TransportError:
                response = None
                if self._retries.wait(attempt, None) is None:
                    raise
            pause = self._retries.wait(attempt, response)
            if pause is None and response is not None:
                return core.content(response)
            await asyncio.sleep(pause or 0)
            attempt += 1
