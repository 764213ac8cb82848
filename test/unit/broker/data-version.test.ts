import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { brokerPaths } from '../../../src/broker/config.ts';
import { asideText, putAside, refusesData } from '../../../src/broker/data-version.ts';

async function directory(): Promise<ReturnType<typeof brokerPaths>> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'swarm-data-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const paths = brokerPaths(dir);
  await mkdir(path.join(paths.data, 'swarm@localhost'), { recursive: true });
  return paths;
}

test('data that cannot be read are put aside each time under another name, and their copies wait for the projects', async () => {
  const paths = await directory();
  await mkdir(paths.copies);
  await writeFile(path.join(paths.copies, 'p1.jsonl'), '{"n":1}\n{"n":2}\n');
  const first = await putAside(paths, { written: '3.10.8', by: '4.0.5', complete: true, refused: false });
  expect(first).toMatchObject({ place: `${paths.data}-3.10.8`, rescued: 2, complete: true });
  expect(await readdir(`${paths.data}-3.10.8`)).toEqual(['swarm@localhost']);
  expect(existsSync(paths.data)).toBe(false);

  // The project was not up in between.
  await mkdir(paths.data);
  await writeFile(path.join(paths.copies, 'p1.jsonl'), '{"n":3}\n');
  const second = await putAside(paths, { written: '3.10.8', by: '4.0.5', complete: false, refused: false });
  expect(second).toMatchObject({ place: `${paths.data}-3.10.8.2`, rescued: 1, complete: false });
  expect(await readFile(path.join(paths.rescued, 'p1.jsonl'), 'utf8')).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
  expect(await readdir(paths.copies)).toEqual([]);
});

test('copies of data that can be read stay copies', async () => {
  const paths = await directory();
  await mkdir(paths.copies);
  await writeFile(path.join(paths.copies, 'p1.jsonl'), '{"n":1}\n');
  expect(await putAside(paths, { written: '4.0.5', by: '4.3.1', complete: true, refused: false })).toBeNull();
  expect(await readdir(paths.copies)).toEqual(['p1.jsonl']);
  expect(existsSync(paths.rescued)).toBe(false);
});

test('one line says what was put aside, what comes back, and what may be missing', () => {
  const aside = { from: '3.10.8', to: '4.0.5', place: '/s/mnesia-3.10.8', rescued: 0, complete: true };
  const begin =
    'RabbitMQ 4.0.5 cannot read the data of 3.10.8: it began anew, they lie in /s/mnesia-3.10.8; tasks go on';
  expect(asideText(aside)).toBe(begin);
  expect(asideText({ ...aside, rescued: 1 })).toBe(`${begin}, 1 message comes back`);
  expect(asideText({ ...aside, rescued: 2, complete: false })).toBe(
    `${begin}, 2 messages come back; a submission or dead letter of its last moment may be there alone`,
  );
});

test('data that the node itself refuses are put aside, unless it has written them itself', async () => {
  const paths = await directory();
  const of = { by: '4.0.5', complete: false, refused: true };
  expect(await putAside(paths, { ...of, written: '4.0.5' })).toBeNull();
  expect(await putAside(paths, { ...of, written: '3.13.7' })).toMatchObject({ place: `${paths.data}-3.13.7` });
  await mkdir(paths.data);
  const unknown = await putAside(paths, { ...of, written: null });
  expect(unknown).toMatchObject({ from: 'another version', place: `${paths.data}-unknown` });
});

test.each([
  [
    '3.10 under 4.0',
    'Feature flags: `stream_single_active_consumer`: required feature flag not enabled! It must be enabled before upgrading RabbitMQ.',
    true,
  ],
  ['4.0 under 3.10', '{error,{table_missing,[rabbit_listener]}}', true],
  ['a port', '{could_not_start_listener,"127.0.0.1",5672,eaddrinuse}', false],
])('the trouble of %s is told from its output', (_, line, expected) => {
  expect(refusesData(['BOOT FAILED', line, ...Array<string>(30).fill('  neighbours:')])).toBe(expected);
});
