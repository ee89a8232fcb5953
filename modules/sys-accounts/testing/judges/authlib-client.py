"""An OpenID Connect client on Authlib: says where the browser is to go, reads where it came back, and says what it learnt."""
import json
import os
import sys

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt
from authlib.oidc.core import CodeIDToken

issuer, client_id, client_secret, redirect_uri = sys.argv[1:5]
metadata = requests.get(issuer + "/.well-known/openid-configuration").json()
session = OAuth2Session(client_id, client_secret, scope="openid email offline_access", redirect_uri=redirect_uri, code_challenge_method="S256")
verifier, nonce = generate_token(48), generate_token()
url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, prompt="consent")
print(url, flush=True)
answer = sys.stdin.readline().strip()
token = session.fetch_token(metadata["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier)
keys = JsonWebKey.import_key_set(requests.get(metadata["jwks_uri"]).json())
claims = jwt.decode(token["id_token"], keys, claims_cls=CodeIDToken, claims_options={"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}, claims_params={"nonce": nonce, "client_id": client_id})
claims.validate()
userinfo = session.get(metadata["userinfo_endpoint"]).json()
refreshed = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
introspected = session.introspect_token(metadata["introspection_endpoint"], token=refreshed["refresh_token"]).json()
revoked = session.revoke_token(metadata["revocation_endpoint"], token=refreshed["refresh_token"]).status_code
after = session.introspect_token(metadata["introspection_endpoint"], token=refreshed["refresh_token"]).json()
print(json.dumps({"email": claims["email"], "userinfo": userinfo["email"], "same": userinfo["sub"] == claims["sub"], "active": introspected["active"], "revoked": revoked, "after": after["active"]}), flush=True)
