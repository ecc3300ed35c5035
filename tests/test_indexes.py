"""Indexes: each has a reader, and none does what another does."""

from pathlib import Path

import psycopg
import pytest

from mailtalk.models.base import Base

# The file of a statement that needs the index. Unique ones need none: they keep rows apart.
READERS = {
    "ix_addresses_key_id": "mailtalk/participation/addresses.py",
    "ix_audit_entries_log": "mailtalk/support/audit.py",
    "ix_changes_applied_at": "mailtalk/support/queue_rows.py",
    "ix_changes_log": "mailtalk/changes/log.py",
    "ix_changes_pending": "mailtalk/changes/take_conversations.sql",
    "ix_changes_requested_at": "mailtalk/changes/log.py",
    "ix_conversations_activity": "mailtalk/conversations/pages.py",
    "ix_conversations_app_id_window_due_at": "mailtalk/notifications/windows.py",
    "ix_conversations_created": "mailtalk/conversations/pages.py",
    "ix_conversations_window_due_at": "mailtalk/notifications/windows.py",
    "ix_deliveries_address": "mailtalk/support/deliveries.py",
    "ix_deliveries_bounce": "mailtalk/outbound/bounces.py",
    "ix_deliveries_due": "mailtalk/notifications/windows.py",
    "ix_deliveries_ended_at": "mailtalk/outbound/retention.py",
    "ix_deliveries_held": "mailtalk/outbound/queue.py",
    "ix_deliveries_log": "mailtalk/support/deliveries.py",
    "ix_deliveries_outdated": "mailtalk/notifications/remaking.py",
    "ix_deliveries_queue": "mailtalk/outbound/queue.py",
    "ix_deliveries_thread": "mailtalk/notifications/batch.py",
    "ix_digest_sections_app_id_notification_id": "mailtalk/notifications/remaking.py",
    "ix_events_created_at": "mailtalk/events/record.py",
    "ix_events_queue": "mailtalk/webhooks/queue.py",
    "ix_events_untold": "mailtalk/webhooks/queue.py",
    "ix_files_app_id_conversation_id_message_id": "mailtalk/file_uses.py",
    "ix_files_unused": "mailtalk/file_uses.py",
    "ix_idempotency_keys_created_at": "mailtalk/changes/idempotency.py",
    "ix_inbound_mails_app_id_conversation_id": "mailtalk/inbound/log.py",
    "ix_inbound_mails_failed": "mailtalk/support/failures.py",
    "ix_inbound_mails_held": "mailtalk/inbound/claim.py",
    "ix_inbound_mails_log": "mailtalk/inbound/log.py",
    "ix_inbound_mails_message_id": "mailtalk/inbound/facts_earlier.sql",
    "ix_inbound_mails_others": "mailtalk/inbound/claim_candidates.sql",
    "ix_inbound_mails_processed_at": "mailtalk/support/queue_rows.py",
    "ix_inbound_mails_queue": "mailtalk/inbound/claim.sql",
    "ix_inbound_mails_raw_id": "mailtalk/inbound/log.py",
    "ix_inbound_mails_recent": "mailtalk/inbound/facts_earlier.sql",
    "ix_inbound_mails_unproven": "mailtalk/inbound/claim_candidates.sql",
    "ix_list_places_until": "mailtalk/conversations/cursors.py",
    "ix_messages_age": "mailtalk/conversations/message_retention.py",
    "ix_messages_file": "mailtalk/file_uses.py",
    "ix_messages_imported": "mailtalk/conversations/erasure.py",
    "ix_messages_imported_readers": "mailtalk/conversations/erasure.py",
    "ix_messages_time": "mailtalk/conversations/messages.py",
    "ix_notifications_created_at": "mailtalk/support/queue_rows.py",
    "ix_notifications_digests": "mailtalk/notifications/due.py",
    "ix_notifications_due": "mailtalk/notifications/windows.py",
    "ix_notifications_ended": "mailtalk/notifications/windows.py",
    "ix_notifications_log": "mailtalk/support/explain.py",
    "ix_notifications_made": "mailtalk/notifications/hourly_cap.py",
    "ix_notifications_queue": "mailtalk/notifications/due.py",
    "ix_notifications_reader": "mailtalk/notifications/due.py",
    "ix_origins_at": "mailtalk/db/origins.py",
    "ix_participations_app_id_user_id": "mailtalk/conversations/pages.py",
    "ix_participations_paced": "mailtalk/notifications/hasten.sql",
    "ix_seen_posts_at": "mailtalk/db/seen.py",
    "ix_sender_questions_app_id": "mailtalk/inbound/sender_questions.py",
    "ix_sender_questions_asked_at": "mailtalk/inbound/sender_questions.py",
    "ix_sender_questions_rejected": "mailtalk/inbound/facts_questions.sql",
    "ix_users_addresses": "mailtalk/support/directory.py",
    "ix_users_app_id_created_at_id": "mailtalk/conversations/users.py",
    "ix_webhook_deliveries_created_at": "mailtalk/webhooks/purge_deliveries.sql",
    "ix_webhook_deliveries_ended_at": "mailtalk/support/queue_rows.py",
    "ix_webhook_deliveries_failed": "mailtalk/support/failures.py",
    "ix_webhook_deliveries_log": "mailtalk/webhooks/list_deliveries.sql",
    "ix_webhook_deliveries_queue": "mailtalk/webhooks/next_deliveries.sql",
    "ix_webhook_lanes_due": "mailtalk/webhooks/due_queues.sql",
    "ix_webhook_lanes_held": "mailtalk/webhooks/release_queues.sql",
}
INDEXES = """
SELECT c.relname, i.relname, x.indisunique, coalesce(pg_get_expr(x.indpred, x.indrelid), ''),
    ARRAY(SELECT pg_get_indexdef(x.indexrelid, k, true) FROM generate_series(1, x.indnkeyatts) k)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
WHERE c.relnamespace = 'public'::regnamespace"""
Index = tuple[str, str, bool, str, list[str]]


@pytest.fixture
def indexes(database_url: str) -> list[Index]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(INDEXES).fetchall()  # type: ignore[return-value]


def test_every_index_has_a_reader(indexes: list[Index], here: Path) -> None:
    assert sorted(name for _, name, is_unique, *_ in indexes if not is_unique) == sorted(READERS)
    models = {mapper.local_table.description: mapper.class_.__name__ for mapper in Base.registry.mappers}
    for table, name, *_ in indexes:
        if name in READERS:
            text = (here.parent / READERS[name]).read_text()
            assert table in text or models[table] in text, f"{READERS[name]} does not read {table}"


def test_no_index_is_the_beginning_of_another(indexes: list[Index]) -> None:
    again = [
        f"{name}: {other}"
        for table, name, is_unique, condition, keys in indexes
        for other_table, other, _, other_condition, other_keys in indexes
        if (table, condition) == (other_table, other_condition) and name != other and not is_unique
        if other_keys[: len(keys)] == keys
    ]
    assert again == []
