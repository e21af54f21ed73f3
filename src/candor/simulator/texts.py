"""Every sentence the simulator can say, by language, and the reply class of the closing ones.

Only this module holds words. They are plain enough to be classified without doubt: an opening or a
detail is never thanks, anger or a call for a person, so the planted truth stays exact. German and
Spanish customers close in silence or with a thank-you that starts like an English one.
"""

from __future__ import annotations

import json

INTENTS = (
    "order_status",
    "refund_request",
    "duplicate_charge",
    "password_reset",
    "address_change",
    "cancel_subscription",
    "delivery_problem",
    "invoice_copy",
)
LANGUAGES = ("en", "de", "es")

_OPENINGS = {
    "en": (
        (
            "Hello, where is order {n}? The tracking page shows no update since Monday.",
            "Could you tell me when order {n} will arrive?",
            "I would like to know the delivery date of order {n}.",
        ),
        (
            "I sent order {n} back two weeks ago and would like my refund.",
            "Please refund order {n}, the return was scanned at the shop.",
            "How do I get my money back for order {n}?",
        ),
        (
            "My card shows two charges for order {n}.",
            "I see the amount for order {n} twice on my statement.",
            "Order {n} was billed two times this month.",
        ),
        (
            "I cannot sign in, the reset mail for account {n} never arrives.",
            "How do I set a new password for account {n}?",
            "The reset link for account {n} says it has expired.",
        ),
        (
            "I have moved, please change the address on order {n}.",
            "Can order {n} go to my office instead of my home?",
            "I need a new delivery address for subscription {n}.",
        ),
        (
            "I want to cancel subscription {n} at the end of the month.",
            "How can I end plan {n} before it renews?",
            "Please stop the renewal of subscription {n}.",
        ),
        (
            "The parcel of order {n} arrived with one item missing.",
            "Order {n} came in a damaged box and one cup is broken.",
            "The courier left order {n} at another house.",
        ),
        (
            "I need a copy of invoice {n} for my tax office.",
            "Where do I download invoice {n}?",
            "Please send invoice {n} with our VAT number on it.",
        ),
    ),
    "de": (
        ("Guten Tag, wo ist meine Bestellung {n}?", "Wann kommt die Bestellung {n} an?"),
        ("Ich möchte mein Geld für Bestellung {n} zurück.", "Bitte Bestellung {n} erstatten."),
        ("Bestellung {n} wurde zweimal abgebucht.", "Ich sehe zwei Buchungen zu Bestellung {n}."),
        ("Wie setze ich das Passwort für Konto {n} neu?", "Der Link für Konto {n} ist abgelaufen."),
        ("Bitte die Adresse von Bestellung {n} ändern.", "Neue Adresse für das Abo {n}, bitte."),
        ("Ich möchte das Abo {n} kündigen.", "Wie beende ich das Abo {n}?"),
        ("Im Paket zu Bestellung {n} fehlt ein Teil.", "Bestellung {n} kam beschädigt an."),
        ("Ich brauche eine Kopie der Rechnung {n}.", "Wo finde ich die Rechnung {n}?"),
    ),
    "es": (
        ("Hola, ¿dónde está mi pedido {n}?", "¿Cuándo llega el pedido {n}?"),
        ("Quiero el reembolso del pedido {n}.", "¿Cómo recupero el dinero del pedido {n}?"),
        ("El pedido {n} aparece cobrado dos veces.", "Veo dos cargos por el pedido {n}."),
        ("¿Cómo cambio la clave de la cuenta {n}?", "El enlace de la cuenta {n} ha caducado."),
        ("Necesito cambiar la dirección del pedido {n}.", "Nueva dirección para el pedido {n}."),
        ("Quiero cancelar la suscripción {n}.", "¿Cómo termino el plan {n}?"),
        ("Falta un artículo en el pedido {n}.", "El pedido {n} llegó dañado."),
        ("Necesito una copia de la factura {n}.", "¿Dónde descargo la factura {n}?"),
    ),
}
_ANSWERS = {
    "en": (
        "Order {n} left our warehouse this morning and should arrive within two working days.",
        "The return for order {n} is registered; the money reaches your card in five days.",
        "One of the two charges for order {n} is a hold that lapses within three days.",
        "I have sent a fresh reset link for account {n}; it is valid for one hour.",
        "The address for {n} is changed and shown on your orders page.",
        "Plan {n} ends with the current period; you keep access until then.",
        "A replacement for order {n} is on its way, you need not send anything back.",
        "Invoice {n} is under Account, then Documents; I have also mailed you a copy.",
    ),
    "de": (
        "Bestellung {n} ist heute früh abgegangen und kommt in zwei Werktagen an.",
        "Die Rücksendung zu {n} ist erfasst; das Geld kommt in fünf Tagen.",
        "Eine der Buchungen zu {n} ist nur vorgemerkt und verfällt in drei Tagen.",
        "Ein neuer Link für Konto {n} ist unterwegs, er gilt eine Stunde.",
        "Die Adresse zu {n} ist geändert.",
        "Das Abo {n} endet mit dem laufenden Zeitraum.",
        "Ersatz für Bestellung {n} ist unterwegs.",
        "Rechnung {n} liegt unter Konto, Dokumente.",
    ),
    "es": (
        "El pedido {n} salió esta mañana y llega en dos días laborables.",
        "La devolución del pedido {n} está registrada; el dinero llega en cinco días.",
        "Uno de los cargos del pedido {n} es una retención que vence en tres días.",
        "He enviado un enlace nuevo para la cuenta {n}; vale una hora.",
        "La dirección de {n} está cambiada.",
        "El plan {n} termina con el periodo actual.",
        "El reemplazo del pedido {n} está en camino.",
        "La factura {n} está en Cuenta, Documentos.",
    ),
}
_LINES = {
    "en": {
        "greeting": ("Hello, I am the digital assistant. How can I help?",),
        "clarification": (
            "Could you give me the postcode of the order, please?",
            "Which e-mail address did you use for it?",
            "Is this about the order or about the payment?",
        ),
        "detail": (
            "The postcode is 50667.",
            "I used the address from my account.",
            "It is about the order.",
            "I placed it on the third of the month.",
        ),
        "fallback": (
            "I didn't get that. Could you say it in other words?",
            "Sorry, I did not understand. Please describe it once more.",
        ),
        "follow_up": (
            "And how do I see that on my page?",
            "Does that include the shipping fee?",
            "Which day would that be?",
            "Can you send me that by mail as well?",
        ),
        "more": (
            "You see it on your account page under Orders.",
            "The shipping fee is included.",
            "That would be Thursday at the latest.",
            "I have sent it by mail as well.",
        ),
        "gratitude": ("Thanks!", "Thank you very much", "Great, thanks", "Cheers, bye"),
        "affirm": (
            "That worked, I can see it now.",
            "Yes, that helped, all good now.",
            "You solved it, nice.",
            "It works now, perfect.",
        ),
        "negative": (
            "No, that is not it.",
            "That did not help at all.",
            "This does not work.",
            "That answer is wrong.",
        ),
        "asks_human": (
            "I want to speak to a real person.",
            "Let me talk to a human, please.",
            "Can I get a real person?",
        ),
        "handoff_notice": ("I am passing you on to a colleague.",),
        "nobody": ("All colleagues are busy or away right now. Please try again later.",),
        "closing": ("I am glad I could be of service. Goodbye!",),
        "human_answer": (
            "This is Kim from the service team. I have looked into {n} and put it right.",
            "Sam here. I corrected {n} in our system, you will get a confirmation by mail.",
            "I checked {n} with the warehouse and arranged everything for you.",
        ),
        "human_more": ("Is there anything else I can do for you?",),
        "return": (
            "I wrote to you about {n} before and the matter is open again. Please look into it.",
            "This is my second message about {n}. Nothing has changed on my side.",
        ),
        "proactive": ("Your order {n} is delayed by one day. Reply here with any question.",),
        "test": ("test message {n}",),
        "spam": ("Cheap watches at our shop, offer {n}",),
    },
    "de": {
        "greeting": ("Guten Tag, hier ist der digitale Assistent.",),
        "clarification": ("Wie lautet die Postleitzahl?", "Geht es um die Bestellung?"),
        "detail": ("Die Postleitzahl ist 50667.", "Es geht um die Bestellung."),
        "fallback": ("Das habe ich nicht verstanden. Bitte noch einmal mit anderen Worten.",),
        "follow_up": ("Wo sehe ich das auf meiner Seite?", "Welcher Tag wäre das?"),
        "more": ("Sie sehen es unter Bestellungen.", "Spätestens am Donnerstag."),
        "gratitude": ("Ok danke!",),
        "handoff_notice": ("Ich verbinde Sie mit einer Kollegin.",),
        "nobody": ("Gerade ist niemand im Dienst.",),
        "closing": ("Auf Wiedersehen!",),
        "human_answer": ("Hier ist Kim vom Service. Ich habe {n} berichtigt.",),
        "human_more": ("Kann ich noch etwas für Sie tun?",),
        "return": ("Ich hatte wegen {n} schon geschrieben, bitte noch einmal prüfen.",),
        "proactive": ("Ihre Bestellung {n} kommt einen Tag später.",),
    },
    "es": {
        "greeting": ("Hola, soy el asistente digital.",),
        "clarification": ("¿Cuál es el código postal?", "¿Se trata del pedido?"),
        "detail": ("El código postal es 28013.", "Se trata del pedido."),
        "fallback": ("No lo he entendido. ¿Puede decirlo con otras palabras?",),
        "follow_up": ("¿Dónde lo veo en mi página?", "¿Qué día sería?"),
        "more": ("Lo ve en su cuenta, en Pedidos.", "El jueves a más tardar."),
        "gratitude": ("Ok gracias",),
        "handoff_notice": ("Le paso con un compañero.",),
        "nobody": ("Ahora mismo no hay nadie disponible.",),
        "closing": ("¡Hasta luego!",),
        "human_answer": ("Soy Kim, del servicio. He corregido {n}.",),
        "human_more": ("¿Puedo hacer algo más por usted?",),
        "return": ("Ya escribí sobre {n}, por favor revísenlo otra vez.",),
        "proactive": ("Su pedido {n} llega un día más tarde.",),
    },
}
_REPHRASED = {
    "en": ("Let me say it again: {text}", "In other words: {text}"),
    "de": ("Noch einmal: {text}",),
    "es": ("Otra vez: {text}",),
}


Said = tuple[str, str | None]
"""A text before and after its number, escaped for the inside of a JSON string; None: no number."""


def _parts(text: str) -> Said:
    before, mark, after = json.dumps(text, ensure_ascii=False)[1:-1].partition("{n}")
    return before, after if mark else None


def _all(texts: tuple[str, ...]) -> tuple[Said, ...]:
    return tuple(_parts(text) for text in texts)


OPENINGS = tuple(tuple(_all(texts) for texts in _OPENINGS[lang]) for lang in LANGUAGES)
"""``OPENINGS[language][intent]``: how an issue is first told."""
REPHRASED = tuple(
    tuple(
        tuple(_parts(frame.replace("{text}", text)) for text in texts for frame in _REPHRASED[lang])
        for texts in _OPENINGS[lang]
    )
    for lang in LANGUAGES
)
"""``REPHRASED[language][intent]``: the same issues said again."""
ANSWERS = tuple(tuple(_parts(text) for text in _ANSWERS[lang]) for lang in LANGUAGES)
"""``ANSWERS[language][intent]``: one answer each."""
LINES = tuple({what: _all(said) for what, said in _LINES[lang].items()} for lang in LANGUAGES)
"""``LINES[language][what]``: everything else that is said; anger and calls for a person only in
English."""
