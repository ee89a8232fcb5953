import assert from 'node:assert/strict';
import { reasonOf, violationsOf } from '@mainstay/kernel';
import { everyTopology } from '@mainstay/testing';
import { GreetingsService } from './contract/index.ts';

const options = { moduleFiles: [import.meta.resolve('./module.ts')], modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-hello': { defaultLanguage: 'de' } } };

everyTopology('a greeting is left, found and listed, the latest first', async ({ client }) => {
  const ada = await client(GreetingsService, 'ada@acme.test');
  const first = await ada.createGreeting({ greeting: { text: 'Good morning', language: 'en' } });
  const second = await ada.createGreeting({ greeting: { text: 'Guten Abend' } });
  assert.equal(second.language, 'de');
  assert.deepEqual(await ada.getGreeting({ greetingId: first.id }), first);
  const { greetings, nextPageToken } = await ada.listGreetings({ pageSize: 1 });
  assert.deepEqual(greetings, [second]);
  assert.deepEqual((await ada.listGreetings({ pageSize: 1, pageToken: nextPageToken })).greetings, [first]);
  assert.deepEqual((await ada.listGreetings({ filter: 'language = "en"' })).greetings, [first]);
}, options);

everyTopology('a greeting of another org is not found', async ({ client }) => {
  const ada = await client(GreetingsService, 'ada@acme.test');
  const { id } = await ada.createGreeting({ greeting: { text: 'For Acme alone' } });
  const eve = await client(GreetingsService, 'eve@umbrella.test');
  await assert.rejects(eve.getGreeting({ greetingId: id }), (error) => reasonOf(error) === 'mod-hello.GREETING_NOT_FOUND');
  assert.ok((await eve.listGreetings({})).greetings.every((greeting) => greeting.id !== id));
}, options);

everyTopology('a greeting without words is refused, and says which field is wrong', async ({ client }) => {
  const ada = await client(GreetingsService, 'ada@acme.test');
  await assert.rejects(ada.createGreeting({ greeting: { text: '' } }), (error) => violationsOf(error)[0]?.field === 'greeting.text');
}, options);
