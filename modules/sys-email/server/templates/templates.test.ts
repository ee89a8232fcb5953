import assert from 'node:assert/strict';
import { emailLanguages } from '@mainstay/kernel';
import { AuditService } from '@mainstay/sys-core/contract';
import { emailsTo, everyTopology, until, type TestDeployment } from '@mainstay/testing';
import { TemplatesService } from '../../contract/index.ts';
import { send, setUp, someone } from '../../testing/sending.ts';

const options = setUp();
const named = { module: 'mod-probe', name: 'reminder', language: 'fr' };
const words = (subject: string, more: object[] = []) => ({ subject, body: [{ block: { case: 'text' as const, value: '{title}' } }, ...more] });
const subjectOf = async (deployment: TestDeployment) => {
  const to = someone();
  await send(deployment, { to, language: 'fr' });
  return (await until(async () => (await emailsTo(deployment, to))[0], 'it is in the mailbox')).subject;
};

everyTopology('an operator words a template anew, sees its versions, and takes it back', async (deployment) => {
  const templates = await deployment.client(TemplatesService, 'root@mainstay.test');
  const start = await templates.getTemplateText(named);
  const changed = await templates.updateTemplateText({ ...named, text: words('Pensez à {title}'), etag: start.etag, reason: 'friendlier' });
  assert.deepEqual([changed.edited, changed.version], [true, start.version + 1]);
  assert.equal(await subjectOf(deployment), 'Pensez à Water the plants');
  await assert.rejects(templates.updateTemplateText({ ...named, text: words('x'), etag: start.etag }), /changed meanwhile/);
  await templates.updateTemplateText({ ...named, text: words('Encore {title}') });
  assert.equal((await templates.revertTemplateText({ ...named, version: changed.version })).text!.subject, 'Pensez à {title}');
  const own = await templates.revertTemplateText({ ...named, version: 0, reason: 'as it was' });
  assert.deepEqual([own.edited, own.text!.subject], [false, 'Rappel: {title}']);
  assert.equal(await subjectOf(deployment), 'Rappel: Water the plants');
  const { versions } = await templates.listTemplateTextVersions(named);
  assert.deepEqual(versions.slice(0, 4).map(({ version, text, reason }) => [version - start.version, text?.subject, reason]), [[4, undefined, 'as it was'], [3, 'Pensez à {title}', ''], [2, 'Encore {title}', ''], [1, 'Pensez à {title}', 'friendlier']]);
  await assert.rejects(templates.revertTemplateText({ ...named, version: 99 }), /has no version 99/);
  const audit = await deployment.client(AuditService, 'root@mainstay.test');
  const entries = await until(async () => {
    const found = (await audit.listAuditEntries({ filter: 'method = "sys.email.v1.TemplatesService/UpdateTemplateText"' })).entries;
    return found.length > 0 && found;
  }, 'the change is in the audit');
  assert.equal(entries[0]!.module, 'sys-email');
}, options);

everyTopology('words that could not be sent are refused, with all that is wrong', async (deployment) => {
  const templates = await deployment.client(TemplatesService, 'root@mainstay.test');
  const at = { ...named, language: 'it' };
  const refused = (text: object, wrong: RegExp) => assert.rejects(templates.updateTemplateText({ ...at, text }), wrong);
  await refused(words('{nobody}'), /\{nobody\} is no value of this template/);
  await refused(words('two\nlines'), /subject: it is one line/);
  await refused(words('x', [{ block: { case: 'button', value: { label: 'Go', link: 'https://evil.test/' } } }]), /one value of the kind link/);
  await refused(words('x', [{ block: { case: 'button', value: { label: 'Go', link: '{title}' } } }]), /not of the kind link/);
  await refused({ subject: 'x', body: [] }, /body/);
  await refused({ subject: 'x', body: [{}] }, /body/);
  await assert.rejects(templates.getTemplateText({ ...named, language: 'pt' }), /no texts in the language pt/);
  await assert.rejects(templates.getTemplateText({ ...named, name: 'nothing' }), /no template/);
  assert.equal((await templates.getTemplateText(at)).version, 0);
  await assert.rejects((await deployment.client(TemplatesService, 'ops@mainstay.test')).updateTemplateText({ ...at, text: words('x') }), /permission/i);
}, options);

everyTopology('every template of every module is shown in every language, filled with its examples', async (deployment) => {
  const client = await deployment.client(TemplatesService, 'ops@mainstay.test');
  const { templates } = await client.listTemplates({});
  assert.ok(templates.some(({ template }) => template === 'sys-email/test'));
  for (const { template, values } of templates) {
    const [module, name] = template.split('/') as [string, string];
    for (const language of emailLanguages) {
      const { subject, text, html } = await client.previewTemplate({ module, name, language });
      const place = `${template} in ${language}`;
      assert.ok(subject.trim() && text.trim(), place);
      for (const shown of [subject, text, html.replace(/<style>.*<\/style>/s, '')]) assert.doesNotMatch(shown, /[{}]|undefined/, place);
      assert.match(html, new RegExp(`<html lang="${language}" dir="${language === 'ur' ? 'rtl' : 'ltr'}">`), place);
      for (const { example, isLink } of values) if (isLink && text.includes(example)) assert.ok(html.includes(`href="${new URL(example).href.replaceAll('&', '&#38;')}"`) || !html.includes('href='), place);
    }
  }
});
