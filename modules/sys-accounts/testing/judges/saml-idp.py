"""A SAML 2.0 identity provider on pysaml2. Answers as the parameter `do` of a request says, also as no provider should."""
import base64
import datetime
import html
import json
import os
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, saml, samlp, time_util, xmldsig
from saml2.config import IdPConfig
from saml2.s_utils import status_message_factory
from saml2.server import Server
from saml2.sigver import get_xmlsec_binary, pre_encrypt_assertion, pre_encryption_part, pre_signature_part, signed_instance_factory, verify_redirect_signature
from saml2 import class_name

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from saml_attacks import attack

folder = tempfile.mkdtemp(prefix="mainstay-saml-")
providers = []  # metadata of the service providers
servers = {}
told = []
days = {"expired": (-30, -1), "early": (1, 30)}
session_keys = {"aes128-gcm": ("http://www.w3.org/2009/xmlenc11#aes128-gcm", "aes-128"), "aes256-gcm": ("http://www.w3.org/2009/xmlenc11#aes256-gcm", "aes-256"), "aes256-cbc": ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", "aes-256"), "tripledes-cbc": ("http://www.w3.org/2001/04/xmlenc#tripledes-cbc", "des-192")}


def certificate(name):
    """A key and its certificate, made when they are first asked for."""
    path = f"{folder}/{name}.pem"
    if not os.path.exists(path):
        key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"idp {name}")])
        begin, end = days.get(name, (-1, 365))
        now = datetime.datetime.utcnow()
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(now + datetime.timedelta(begin)).not_valid_after(now + datetime.timedelta(end)).sign(key, hashes.SHA256())
        with open(f"{folder}/{name}.key", "wb") as file:
            file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))
        with open(path, "wb") as file:
            file.write(made.public_bytes(serialization.Encoding.PEM))
    with open(path) as file:
        return file.read()


def idp(key="current"):
    if key not in servers:
        certificate(key)
        servers[key] = Server(config=IdPConfig().load({
            "entityid": f"{address}/idp",
            "key_file": f"{folder}/{key}.key", "cert_file": f"{folder}/{key}.pem", "xmlsec_binary": get_xmlsec_binary(),
            "signing_algorithm": xmldsig.SIG_RSA_SHA256, "digest_algorithm": xmldsig.DIGEST_SHA256,
            "metadata": {"inline": list(providers)},
            "service": {"idp": {
                "endpoints": {"single_sign_on_service": [(f"{address}/sso", BINDING_HTTP_REDIRECT)], "single_logout_service": [(f"{address}/slo", BINDING_HTTP_REDIRECT)]},
                "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None, "name_form": saml.NAME_FORMAT_URI}},
            }},
        }))
    return servers[key]


def check_signature(message, query, sp):
    """A message of the redirect binding is signed by a certificate that is in its sender's metadata."""
    assert query["SigAlg"] == xmldsig.SIG_RSA_SHA256, query["SigAlg"]
    signed = {name: query[name] for name in (message, "RelayState", "SigAlg", "Signature") if name in query}
    certificates = [cert for _name, cert in named_certificates(sp)]
    assert any(verify_redirect_signature(signed, idp().sec.sec_backend, cert) for cert in certificates), "the signature is wrong"


def named_certificates(sp):
    return [(None, cert) if isinstance(cert, str) else cert for cert in idp().metadata.certs(sp, "spsso", "signing")]


def sign_in(query):
    do = json.loads(query.get("do", "{}"))
    request = idp().parse_authn_request(query["SAMLRequest"], BINDING_HTTP_REDIRECT).message
    sp = request.issuer.text
    check_signature("SAMLRequest", query, sp)
    told.append({"request": "AuthnRequest", "forceAuthn": request.force_authn == "true", "contexts": [ref.text for ref in request.requested_authn_context.authn_context_class_ref] if request.requested_authn_context else []})
    xml = declined(request) if "status" in do else answer(request.id, sp, request.assertion_consumer_service_url, do)
    return request.assertion_consumer_service_url, {"SAMLResponse": base64.b64encode(xml.encode()).decode(), "RelayState": query.get("RelayState", "")}


def declined(request):
    response = idp().create_error_response(request.id, destination=request.assertion_consumer_service_url, info=(samlp.STATUS_AUTHN_FAILED, "the person went away"), sign=False)
    return str(response)


def answer(request_id, sp, acs, do):
    server, person = idp(do.get("key", "current")), do["person"]
    name_id = saml.NameID(format=person.get("format", saml.NAMEID_FORMAT_PERSISTENT), text=person["nameId"])
    in_response_to = do.get("inResponseTo", request_id) or None
    authn = {"class_ref": do.get("context", saml.AUTHN_PASSWORD_PROTECTED), "authn_auth": f"{address}/idp"}
    response = server.create_authn_response(person.get("attributes", {}), in_response_to, do.get("destination", acs), sp, name_id=name_id, authn=authn, sign_assertion=False, sign_response=False)
    assertion = response.assertion if not isinstance(response.assertion, list) else response.assertion[0]
    alter(response, assertion, do)
    xml = signed(server, response, assertion, sp, do)
    return attack(do["attack"], xml, do.get("victim", person["nameId"])) if "attack" in do else xml


def moment(seconds):
    return time_util.in_a_while(seconds=seconds) if seconds >= 0 else time_util.a_while_ago(seconds=-seconds)


def alter(response, assertion, do):
    """What a provider says wrongly, and signs."""
    data = assertion.subject.subject_confirmation[0].subject_confirmation_data
    if "assertionId" in do:
        assertion.id = do["assertionId"]
    if "recipient" in do:
        data.recipient = do["recipient"]
    if "audience" in do:
        assertion.conditions.audience_restriction[0].audience[0].text = do["audience"]
    if "noAudience" in do:
        assertion.conditions.audience_restriction = []
    if "issuer" in do:
        response.issuer.text = assertion.issuer.text = do["issuer"]
    if "from" in do:
        assertion.conditions.not_before = moment(do["from"])
    if "until" in do:
        assertion.conditions.not_on_or_after = data.not_on_or_after = moment(do["until"])
    if "authnInstant" in do:
        assertion.authn_statement[0].authn_instant = moment(do["authnInstant"])
    if "method" in do:
        assertion.subject.subject_confirmation[0].method = do["method"]
    if "sessionIndex" in do:
        assertion.authn_statement[0].session_index = do["sessionIndex"]


def signed(server, response, assertion, sp, do):
    algorithms = {"sign_alg": xmldsig.SIG_RSA_SHA1, "digest_alg": xmldsig.DIGEST_SHA1} if do.get("sha1") else {"sign_alg": xmldsig.SIG_RSA_SHA256, "digest_alg": xmldsig.DIGEST_SHA256}
    sign, certs = do.get("sign", ["assertion"]), server.sec.my_cert
    if "assertion" in sign:
        assertion.signature = pre_signature_part(assertion.id, certs, 1, **algorithms)
    if "response" in sign:
        response.signature = pre_signature_part(response.id, certs, 2, **algorithms)
    names = [(class_name(node), node.id) for kind, node in (("assertion", assertion), ("response", response)) if kind in sign]
    if "encrypt" not in do:
        return str(signed_instance_factory(response, server.sec, names))
    inner, outer = [names[0]] if "assertion" in sign else [], [names[-1]] if "response" in sign else []
    # What is taken out of the answer must name its own namespaces.
    tag = assertion._to_element_tree().tag
    whole = pre_encrypt_assertion(response).get_xml_string_with_self_contained_assertion_within_encrypted_assertion(tag)
    return str(signed_instance_factory(encrypted(server, signed_instance_factory(whole, server.sec, inner), sp, do["encrypt"]), server.sec, outer))


def encrypted(server, statement, sp, algorithm):
    found = server.metadata.certs(sp, "spsso", "encryption")[0]
    cert = found if isinstance(found, str) else found[1]
    path = f"{folder}/encrypt.pem"
    lines = "\n".join(cert.split())
    with open(path, "w") as file:
        file.write(f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
    uri, key_type = session_keys[algorithm]
    return server.sec.crypto.encrypt_assertion(str(statement), path, pre_encryption_part(msg_enc=uri), key_type=key_type)


def sign_out(query):
    """A logout that the service provider tells, or its answer to one."""
    if "SAMLResponse" in query:
        response = idp().parse_logout_request_response(query["SAMLResponse"], BINDING_HTTP_REDIRECT)
        check_signature("SAMLResponse", query, response.response.issuer.text)
        told.append({"request": "LogoutResponse", "inResponseTo": response.response.in_response_to, "status": response.response.status.status_code.value})
        return None
    request = idp().parse_logout_request(query["SAMLRequest"], BINDING_HTTP_REDIRECT).message
    sp = request.issuer.text
    check_signature("SAMLRequest", query, sp)
    told.append({"request": "LogoutRequest", "nameId": request.name_id.text, "sessionIndexes": [index.text for index in request.session_index]})
    response = idp().create_logout_response(request, [BINDING_HTTP_REDIRECT], sign=False)
    return redirect(str(response), response.destination, query.get("RelayState", ""), True)


def redirect(message, destination, relay_state, is_response, key="current", sha1=False):
    algorithm = xmldsig.SIG_RSA_SHA1 if sha1 else xmldsig.SIG_RSA_SHA256
    return dict(idp(key).apply_binding(BINDING_HTTP_REDIRECT, message, destination, relay_state, response=is_response, sign=True, sigalg=algorithm)["headers"])["Location"]


def log_out(do):
    """A logout that begins here."""
    server = idp(do.get("key", "current"))
    name_id = saml.NameID(format=do.get("format", saml.NAMEID_FORMAT_PERSISTENT), text=do["nameId"])
    post = do.get("binding") == "post"
    expire = moment(do.get("until", 300))
    _, message = server.create_logout_request(do["destination"], None, name_id=name_id, session_indexes=do.get("sessionIndexes"), expire=expire, sign=post and not do.get("unsigned"), sign_alg=xmldsig.SIG_RSA_SHA256, digest_alg=xmldsig.DIGEST_SHA256)
    if "issuer" in do:
        message.issuer.text = do["issuer"]
    url = do.get("url", do["destination"])
    if post:
        xml = str(message)
        if "tamper" in do:
            xml = xml.replace(do["nameId"], do["tamper"])
        return {"fields": {"SAMLRequest": base64.b64encode(xml.encode()).decode(), "RelayState": "r1"}}
    return {"url": redirect(str(message), url, "r1", False, do.get("key", "current"), do.get("sha1", False))}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlparse(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        try:
            if url.path == "/certificate":
                self.reply(200, "text/plain", certificate(query["key"]))
            elif url.path == "/told":
                self.reply(200, "application/json", json.dumps(told))
            elif url.path == "/sso":
                action, fields = sign_in(query)
                inputs = "".join(f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in fields.items())
                self.reply(200, "text/html", f'<form method="post" action="{html.escape(action)}">{inputs}<button>Continue</button></form>')
            elif url.path == "/slo":
                location = sign_out(query)
                self.reply(303, "text/plain", "", location) if location else self.reply(200, "text/plain", "logged out")
            else:
                self.reply(404, "text/plain", "not here")
        except Exception as error:
            self.reply(400, "text/plain", f"{type(error).__name__}: {error}")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            if self.path == "/providers":
                providers.append(body.decode())
                servers.clear()
                self.reply(204, "text/plain", "")
            elif self.path == "/answer":
                do = json.loads(body)
                self.reply(200, "text/plain", base64.b64encode(answer(None, do["sp"], do["acs"], do).encode()).decode())
            else:
                self.reply(200, "application/json", json.dumps(log_out(json.loads(body))))
        except Exception as error:
            self.reply(400, "text/plain", f"{type(error).__name__}: {error}")

    def reply(self, status, kind, text, location=None):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        if location:
            self.send_header("location", location)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
address = f"http://127.0.0.1:{server.server_port}"
print(address, flush=True)
try:
    # It ends with the test that started it, which holds its standard input open.
    import threading
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    server.serve_forever()
finally:
    import shutil
    shutil.rmtree(folder, ignore_errors=True)
