/** By language: title, question, button, done. `{list}` and `{address}` are filled in. */
const words = {
  en: ['Unsubscribe', 'Send no more e-mails of “{list}” to {address}?', 'Unsubscribe', 'Done: {address} gets no more e-mails of “{list}”.'],
  de: ['Abbestellen', 'Keine E-Mails „{list}“ mehr an {address} senden?', 'Abbestellen', 'Erledigt: {address} erhält keine E-Mails „{list}“ mehr.'],
  es: ['Cancelar la suscripción', '¿No enviar más correos de «{list}» a {address}?', 'Cancelar la suscripción', 'Hecho: {address} ya no recibe correos de «{list}».'],
  fr: ['Se désabonner', 'Ne plus envoyer d’e-mails « {list} » à {address} ?', 'Se désabonner', 'C’est fait : {address} ne reçoit plus d’e-mails « {list} ».'],
  it: ['Annulla l’iscrizione', 'Non inviare più e-mail «{list}» a {address}?', 'Annulla l’iscrizione', 'Fatto: {address} non riceve più e-mail «{list}».'],
  tr: ['Abonelikten çık', '{address} adresine artık “{list}” e-postaları gönderilmesin mi?', 'Abonelikten çık', 'Tamam: {address} artık “{list}” e-postaları almayacak.'],
  ur: ['رکنیت ختم کریں', 'کیا {address} کو “{list}” کی ای میلز بھیجنا بند کر دیں؟', 'رکنیت ختم کریں', 'ہو گیا: {address} کو اب “{list}” کی ای میلز نہیں ملیں گی۔'],
};

const language = navigator.languages.map((each) => each.split('-')[0]).find((each) => each in words) ?? 'en';
const [title, question, button, done] = words[language];
const [status, form] = [document.querySelector('[role=status]'), document.querySelector('form')];
Object.assign(document.documentElement, { lang: language, dir: language === 'ur' ? 'rtl' : 'ltr' });
document.title = document.querySelector('h1').textContent = title;
form.querySelector('button').textContent = button;

/** Calls the API with the token of the link; throws with what a person can read. */
async function call(options) {
  const response = await fetch(`/v1/email/unsubscribe/${encodeURIComponent(location.hash.slice(1) || '-')}`, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail ?? answer.title);
  return answer;
}

function show({ list, address, subscribed = false }) {
  status.textContent = (subscribed ? question : done).replace('{list}', list).replace('{address}', `\u2068${address}\u2069`);
  form.hidden = !subscribed;
}

const tried = async (options) => {
  try {
    show(await call(options));
  } catch (error) {
    status.textContent = error.message;
  }
};

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void tried({ method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'List-Unsubscribe=One-Click' });
});
await tried();
