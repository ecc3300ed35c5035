"""What is known of mail: addresses, parsing, screening, replies, composing. All pure."""
