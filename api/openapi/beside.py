"""What the Structs of request bodies cannot say of themselves, merged into their schemas."""

from api import listing
from api.openapi.entry import ID
from api.users import NAME_LENGTH
from api.wire import Json

MAILBOX: Json = {"type": "string", "format": "email"}
MILLIS: Json = {"type": "integer", "minimum": 0, "maximum": listing.LATEST}
PLACE: Json = {
    "type": "array",
    "prefixItems": [
        {"type": "number", "minimum": -90, "maximum": 90, "description": "latitude"},
        {"type": "number", "minimum": -180, "maximum": 180, "description": "longitude"},
    ],
    "items": False,
    "minItems": 2,
}
NEW: Json = {
    "properties": {
        "attachmentToken": {"type": "null", "description": "Files are not uploaded here."},
        "location": {"anyOf": [PLACE, {"type": "null"}]},
    },
    "allOf": [
        {
            "anyOf": [
                {
                    "properties": {"type": {"const": "UserMessage"}, "sender": {"type": "string"}},
                    "required": ["sender"],
                },
                {"properties": {"type": {"const": "SystemMessage"}, "sender": {"type": "null"}}},
            ]
        },
        {
            "anyOf": [
                {"properties": {"text": {"type": "string"}}, "required": ["text"]},
                {"properties": {"attachment": {"type": "object"}}, "required": ["attachment"]},
                {"properties": {"location": {"type": "array"}}, "required": ["location"]},
            ]
        },
    ],
}
SAID: dict[str, Json] = {
    "UsersPut": {
        "properties": {
            "name": {"minLength": 1, "maxLength": NAME_LENGTH, "pattern": r"\S"},
            "email": {"anyOf": [MAILBOX, {"type": "array", "items": MAILBOX}, {"type": "null"}]},
        }
    },
    "ConversationsPut": {"properties": {"participants": {"items": ID}}},
    "New": NEW,
    "Imported": NEW | {"properties": NEW["properties"] | {"timestamp": MILLIS}},
    "ReadStatePatch": {"properties": {"readUntil": MILLIS}},
    "Joining": {"properties": {"userId": ID}},
    "Updating": {"properties": {"userId": ID}},
    "Leaving": {"properties": {"userId": ID}},
}
