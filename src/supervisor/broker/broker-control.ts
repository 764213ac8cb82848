import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { ensureBroker, joinBroker, leaveBroker, stopBroker } from '../../broker/index.ts';
import { copyBeforeStop } from '../../coordination/before-stop.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { identityOf } from '../../process/index.ts';
import type { BrokerPort } from './broker-keeper.ts';

/** The private node of this user, used in the name of this project. */
export function brokerPort(layout: ProjectLayout): BrokerPort {
  const dir = layout.brokerDir;
  return {
    ensure: (signal) => ensureBroker({ dir, signal }),
    join: async () => {
      const self = identityOf(process.pid);
      if (self === null) throw new Error('this process cannot be found in the process table');
      await joinBroker(dir, { project: layout.hash, ...self });
    },
    leave: () => leaveBroker(dir, layout.hash),
    stop: async () => {
      await stopBroker(dir, { ifUnused: true, beforeStop: copyBeforeStop(layout.swarmStateDir) });
    },
    installing: () => readInstall(dir),
  };
}

const installSchema = z.object({ state: z.string(), log: z.string() });

async function readInstall(brokerDir: string): Promise<{ state: string; log: string } | null> {
  try {
    return installSchema.parse(JSON.parse(await readFile(path.join(brokerDir, 'install.json'), 'utf8')));
  } catch {
    // No such file, or half of one: there is no known installation.
    return null;
  }
}
