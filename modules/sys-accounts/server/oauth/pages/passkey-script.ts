/** Asks the browser for a passkey when its form is sent, and sends what that answers (WebAuthn Level 3). */
export const passkeyScript = `
for (const form of document.querySelectorAll('form.passkey')) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) continue;
  form.hidden = false;
  form.addEventListener('submit', async (event) => {
    if (form.elements.passkey.value !== '') return;
    event.preventDefault();
    try {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(form.elements.passkey_options.value));
      form.elements.passkey.value = JSON.stringify((await navigator.credentials.get({ publicKey })).toJSON());
      form.submit();
    } catch {
      form.querySelector('button').focus();
    }
  });
}
`;
