"""Ingress: mails that a provider receives for the reply domain and posts to us."""
