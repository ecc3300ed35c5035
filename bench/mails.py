"""Mails for benchmarks: replies as a large webmail writes them, about 2 kB, and the same with a photo of the rest.

Their bytes decide what storing them costs, so that nothing is measured with lines of one letter.
"""

from base64 import encodebytes
from random import Random
from secrets import token_hex

REPLY = """\
MIME-Version: 1.0
Date: Sat, 28 Nov 2026 10:00:00 +0000
Message-ID: <{id}@mail.example.com>
In-Reply-To: <n.1@reply.example>
References: <c.1@reply.example> <n.1@reply.example>
Subject: Re: Kitchen
From: User {user} <u{user}@example.com>
To: Alice via Bench <{to}>
Content-Type: multipart/alternative; boundary="0000000000003f1c5a0627f1a4c2"

--0000000000003f1c5a0627f1a4c2
Content-Type: text/plain; charset="UTF-8"

Thursday at nine suits me well, I will bring the plan {id}.
Please tell the others that the door at the back is open.

On Fri, 27 Nov 2026 at 09:12, Alice via Bench <notify@reply.example> wrote:

> --- Write your reply above this line ---
>
> Alice wrote on November 27, 2026, 9:10 AM UTC:
>
> Shall we meet on Thursday? The kitchen is to be measured again before
> the tiles are ordered, and the electrician wants to see the wall.
>
> Just reply to this mail: your answer appears in the conversation.

--0000000000003f1c5a0627f1a4c2
Content-Type: text/html; charset="UTF-8"

<div dir="ltr">Thursday at nine suits me well, I will bring the plan {id}.<div>Please tell the others that the door \
at the back is open.</div></div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">\
On Fri, 27 Nov 2026 at 09:12, Alice via Bench &lt;<a href="mailto:notify@reply.example">notify@reply.example</a>&gt; \
wrote:<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid \
rgb(204,204,204);padding-left:1ex"><p>Shall we meet on Thursday? The kitchen is to be measured again before the tiles \
are ordered, and the electrician wants to see the wall.</p><p>Just reply to this mail: your answer appears in the \
conversation.</p></blockquote></div>

--0000000000003f1c5a0627f1a4c2--
"""


def reply(user: int, to: str) -> bytes:
    """A reply from a user to an inbound address."""
    return REPLY.format(id=token_hex(12), user=user, to=to).replace("\n", "\r\n").encode()


def sized(size: int, to: str) -> bytes:
    """A reply of about so many bytes: as it is, or with a file that cannot be compressed, in Base64."""
    mail = reply(1, to)
    if size <= len(mail):
        return mail
    head, _, parts = mail.partition(b"\r\n\r\n")
    file = encodebytes(Random(size).randbytes((size - len(mail)) * 55 // 76)).replace(b"\n", b"\r\n")
    boundary = b"0000000000003f1c5a0627f1a4c2"
    part = b'--%s\r\nContent-Type: image/jpeg; name="kitchen.jpg"\r\nContent-Transfer-Encoding: base64\r\n\r\n%s'
    end = b"--%s--" % boundary
    return (
        head.replace(b"multipart/alternative", b"multipart/mixed")
        + b"\r\n\r\n"
        + parts.replace(end, part % (boundary, file) + end)
    )
