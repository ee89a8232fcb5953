/** Asks the browser for a passkey when its form is sent, and sends what that answers (WebAuthn Level 3). A form without options gets them first. */
export const passkeyScript = `
for (const form of document.querySelectorAll('form.passkey')) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) continue;
  form.hidden = false;
  form.addEventListener('submit', async (event) => {
    if (form.elements.passkey.value !== '') return;
    event.preventDefault();
    try {
      if (form.elements.passkey_options.value === '') await begin(form);
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(form.elements.passkey_options.value));
      form.elements.passkey.value = JSON.stringify((await navigator.credentials.get({ publicKey })).toJSON());
      form.submit();
    } catch {
      form.querySelector('button').focus();
    }
  });
}

async function begin(form) {
  const answer = await fetch('/v1/sessions:beginPasskeyLogin', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  if (!answer.ok) throw new Error(answer.statusText);
  const { loginToken, passkeyOptions } = await answer.json();
  form.elements.login_token.value = loginToken;
  form.elements.passkey_options.value = passkeyOptions;
}
`;
