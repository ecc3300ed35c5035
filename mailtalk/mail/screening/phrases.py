"""Phrases of automatic mail in the text: absence notes, delivery failures, recall notices, and gateways' tags.

A subject alone never decides: these say whether the text agrees with it.
"""

# ruff: noqa: RUF001  people write in all scripts

import re


def _any_of(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE | re.MULTILINE)


# Tags that gateways and people put before a subject: [EXTERNAL], ***SPAM***, {Spam?}, EXT:, Re:, AW:, …
TAG = re.compile(
    r"\s*(?:\[[^\[\]]{1,40}\]|【[^【】]{1,40}】|\*{2,5}[^*]{1,40}\*{2,5}|\{[^{}]{1,40}\}|<[^<>]{1,20}>|\((?:ext|external|spam|extern)\)"
    r"|(?:ext(?:ern(?:al|e)?)?|spam|caution|warning: external|suspected spam|junk)\s?:)",
    re.IGNORECASE,
)
ANSWER = re.compile(
    r"\s*(?:re|aw|antw|sv|vs|ref|rif|r|res|odp|ynt|atb|bls|rép"
    r"|回复|回覆|답장|返信|fwd?|wg|tr|rv|enc)(?:\[\d{1,3}\])?\s?[:\uff1a]",
    re.IGNORECASE,
)
ABSENCE = _any_of(
    # English
    r"\b(?:out of|not in|away from|back in|return(?:ing)? to) (?:the |my )?office\b",
    r"\bon (?:(?:annual|parental|maternity|paternity|sick|medical|my) )?(?:leave|vacation|holidays?)\b",
    r"\b(?:i am|i'm|i will be|i'll be|we are) (?:currently "
    r"|presently )?(?:away|out\b|absent|unavailable|travell?ing)",
    r"\b(?:limited|no) access to (?:my )?e-?mail",
    r"\bwill (?:return|be back|be returning)\b|\b(?:upon|on) my return\b|\bwhen i (?:return|am back|get back)\b",
    r"\b(?:automatic|automated|auto)[- ]?(?:reply|response|message)\b|\bautomatically generated\b",
    r"\b(?:thank you|thanks) for (?:your (?:e-?mail|message)"
    r"|contacting)\b[^.]{0,80}\. (?:we|i) (?:will|have received)",
    # German, Dutch
    r"\bnicht (?:im (?:büro|hause?)|erreichbar|am arbeitsplatz)\b|\baußer haus\b|\bim urlaub\b",
    r"\babwesend\b|\babwesenheit\b",
    r"\bafwezig\b|\bniet (?:aanwezig|op kantoor|bereikbaar)\b|\b(?:met|op) vakantie\b|\bweer bereikbaar\b",
    r"\b(?:bin|sind) (?:bis|ab|erst|vom|wieder)\b|\bzurück (?:am|ab|im)\b|\bwieder (?:im büro|erreichbar|für sie da)\b",
    r"\bterug op\b|\bweer aanwezig\b",
    # French, Spanish, Portuguese, Italian, Romanian
    r"\bserai de retour\b|\bde vuelta\b|\bregres(?:o|aré|amos)\b|\bvolveré\b|\bvoltarei\b|\bretorn(?:o|arei)\b",
    r"\brientr(?:o|erò)\b|\btornerò\b|\bsarò (?:assente|fuori)\b|\bvoi reveni\b|\brevin\b",
    r"\babsente?\b.{0,40}\b(?:du|jusqu)|\ben cong[ée]s?\b|\bde retour le\b|\bactuellement absente?\b",
    r"\bs(?:erai|uis) absente?\b",
    r"\bfuera de (?:la )?oficina\b|\bde vacaciones\b|\b(?:estoy|estaré) (?:fuera|ausente|de baja)\b",
    r"\bfora do escrit[óo]rio\b|\bde f[ée]rias\b|\bausente\b",
    r"\bfuori (?:sede|ufficio)\b|\bin ferie\b|\bassente\b|\bal mio (?:rientro|ritorno)\b",
    r"\bconcediu\b|\blipsesc\b|\bnu sunt la birou\b",
    # Swedish, Danish, Norwegian, Finnish
    r"\bsemester\b|\bfr[åa]nvarande\b|\btillbaka (?:den|på|igen)\b|\bikke (?:på kontoret|til stede)\b",
    r"\b(?:på|holder) ferie\b",
    r"\blomalla\b|\bpoissa\b|\btavoitettavissa\b|\bpalaan\b",
    # Polish, Czech, Hungarian, Turkish, Greek
    r"\bpoza biurem\b|\burlop|\bnieobecn|\bmimo kancelář|\bdovolen|\bnepřítom",
    r"\bszabadságon\b|\birodán kívül\b|\bofis dışı|\bizinde|\byıllık izin|\btatilde",
    r"εκτός γραφείου|\bάδεια\b|\bαπουσιάζω\b",
    # Russian, Ukrainian
    r"\bв отпуск|\bотсутств|\bвне офиса\b|\bвернусь\b|\bу відпустці\b|\bвідсутн",
    # Japanese, Chinese, Korean, Vietnamese, Thai, Indonesian, Arabic, Hebrew
    r"不在|休暇|休業|夏季休業|出張中|不在办公室|休假|出差|外出|放假",
    r"부재|휴가|출장|자리를 비",
    r"nghỉ phép|vắng mặt|ไม่อยู่|ลาพัก|\bcuti\b|tidak (?:di|berada di) kantor"
    r"|خارج المكتب|إجازة|בחופשה|לא במשרד|מחוץ למשרד",
)
# Phrases used only by mail servers.
FAILURE = _any_of(
    r"\bthis is the (?:qmail-send|deliver|mail delivery) program\b|\bthis is the mail system at host\b",
    r"\bthis message was created automatically by (?:mail delivery software|the mail)",
    r"-{3,6} (?:the following addresses had|transcript of session follows)",
    r"\bthe original message was received at\b|\bmail delivery (?:sub)?system\b",
    r"\b(?:remote (?:host|server)|mail server)s? (?:said|responded|returned)\b",
    r"\bpermanent fatal errors?\b|\bfailed recipients?\b|\bdelivery to the following recipients?\b",
    r"\brecipient address rejected\b|\bmailbox (?:unavailable|is full|not found)\b",
    r"(?<![\d.])[45]\.\d{1,2}\.\d{1,3}(?![\d.])",
)
# Phrases also used by post offices and shops: they count only beside a mail address.
RETURN = _any_of(
    r"\b(?:message|mail)[^.\n]{0,80}\b(?:was|is|were) (?:undeliverable|not delivered|returned)\b",
    r"\bdelivery to the following address(?:es)?[^.\n]{0,40}(?:failed|delayed)",
    r"\b(?:could not|cannot|couldn't|can't|was not able to|wasn't able to|unable to) (?:be delivered|deliver)\b",
    r"\b(?:user|mailbox|recipient|address|host|domain"
    r"|account)\b[^.\n]{0,30}\b(?:unknown|not found|unavailable|rejected"
    r"|full|over quota)\b",
    r"^[ \t]*(?:smtp[: ]*|<<< )?[45]\d\d[ -]",
    r"konnte nicht zugestellt werden|nicht zustellbar|n'a pas pu être (?:remis|distribué)",
    r"no se (?:ha podido|pudo) entregar|n[ãa]o (?:p[ôo]de ser|foi) entregue|impossibile recapitare",
    r"non è stato possibile (?:consegnare|recapitare)|kon niet worden bezorgd",
    r"не (?:удалось|может быть|было) доставлен|配信できません|配信不能|届けできません|送信できません",
    r"宛先.{0,20}(?:不明|ありません|見つかりません)|[无無]法(?:投[递遞]|送达|送達|发送)|退信|배달(?:되지|하지) 않",
)
ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.\w")
# The complete first line of a notice by a list server or phone company that names no mail system.
NOTICE = _any_of(
    r"\A\s*you are not a member of this mailing list",
    r"\A\s*the message (?:that )?you sent (?:was|is) undeliverable",
    r"\A\s*your mail sent on: .{5,60}\s+could not be delivered to:",
    r"\A\s*hi\. (?:this is the )?(?:qmail-send|deliver)",
    r"\A\s*次のあて先へのメッセージはエラーのため送信できませんでした",
)
RECALL_SUBJECT = re.compile(
    r"\s*(?:(?:message )?recall|r[üu]ckruf|rappel|recuperar|richiamo"
    r"|richiama|intrekken|[åa]terkalla|tilbakekall|tilbagekald"
    r"|odwołaj|wycofaj|отозвать|отзыв|geri çağır|取り消し|撤回)(?:\s*(?:report|success|failure))?\s*[:\uff1a]",
    re.IGNORECASE,
)
RECALL = _any_of(
    r"\bwould like to recall the message\b|\bmöchte die nachricht .{0,300} zurückrufen\b"
    r"|\bsouhaite rappeler (?:le|ce) message\b",
    r"\bdesea recuperar el mensaje\b"
    r"|\b(?:gostaria|deseja) (?:de )?(?:cancelar|recuperar|recolher|revogar) (?:a|esta) mensagem\b",
    r"\bdesidera richiamare il messaggio\b"
    r"|\b(?:wil|wenst) (?:het|dit) bericht .{0,300} intrekken\b|\bvill återkalla meddelandet\b",
    r"\bønsker å tilbakekalle meldingen\b|\bønsker at tilbagekalde (?:meddelelsen|mailen)\b"
    r"|\bchce (?:odwołać|wycofać) wiadomość\b",
    r"хочет отозвать сообщение|mesajını geri çağırmak"
    r"|次のメッセージを取り消します|メッセージ.{0,200}取り消|撤回.{0,200}邮件",
)
