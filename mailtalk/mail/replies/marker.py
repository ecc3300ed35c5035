"""Marker line and HTML class in every mail of ours, by which reply extraction recognises our text."""

MARKERS: tuple[str, ...] = (
    "--- Write your reply above this line ---",
    "--- Bitte schreiben Sie Ihre Antwort oberhalb dieser Zeile ---",
    "--- Écrivez votre réponse au-dessus de cette ligne ---",
    "--- Escriba su respuesta encima de esta línea ---",
    "--- Scrivi la tua risposta sopra questa riga ---",
    "--- Schrijf je antwoord boven deze regel ---",
    "--- Escreva a sua resposta acima desta linha ---",
    "--- この行より上に返信を書いてください ---",
)
"""Every marker line that a mail of ours ever carried, in every language; none is ever removed."""

QUOTE_CLASS = "mailtalk-quote"
"""The class of the element around the HTML part's body; Gmail puts m_<digits> before it in its quotes."""
