"""Typed client of Mailtalk's HTTP API, synchronous and asynchronous, and the verification of its webhooks."""

from mailtalk_client import models, webhooks
from mailtalk_client.aio import AsyncClient
from mailtalk_client.client import Client
from mailtalk_client.core import MailtalkError, Retries

__all__ = ["AsyncClient", "Client", "MailtalkError", "Retries", "models", "webhooks"]
