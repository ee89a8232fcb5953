// What the pages have in common that links in e-mails lead to: a form that calls one method of the API with the link's token.
const form = document.querySelector('form');
const status = document.querySelector('[role=status]');

/** Calls the method that the form names; throws with what a person can read. */
async function call({ path }, body) {
  const response = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const answer = await response.json();
  if (response.ok) return answer;
  const problems = (answer.errors ?? []).map(({ detail }) => detail).filter(Boolean);
  throw new Error([answer.detail ?? answer.title, ...problems].join(': '));
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    const token = location.hash.slice(1);
    const fields = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ''));
    await call(form.dataset, { ...('token' in form.dataset && { token }), ...fields });
    form.hidden = true;
    status.textContent = form.dataset.done;
  } catch (error) {
    status.textContent = error.message;
    button.disabled = false;
  }
});
