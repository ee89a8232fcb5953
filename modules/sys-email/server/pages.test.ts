import assert from 'node:assert/strict';
import { everyTopology } from '@mainstay/testing';
import { setUp } from '../testing/sending.ts';

everyTopology('the pages of the mailbox and for ending a subscription are there, with all that they load', async ({ fetch }) => {
  assert.match(await (await fetch('/')).text(), /href="\/apps\/sys-email\/"/);
  for (const path of ['', 'unsubscribe.html']) {
    const page = await (await fetch(`/apps/sys-email/${path}`)).text();
    const loaded = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, file]) => file!);
    assert.ok(loaded.length > 3);
    for (const file of loaded) assert.equal((await fetch(file)).status, 200, file);
    // The policy of pages forbids what is written into them.
    assert.doesNotMatch(page, /<style|style=|<script(?![^>]*src=)|\son\w+=/);
  }
}, setUp());
