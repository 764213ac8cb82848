import path from 'node:path';
import { buildSync } from 'esbuild';
import { BUNDLED_PROGRAM } from '../../../support/bundle.ts';

export interface Programs {
  shard: string;
  victim: string;
}

/**
 * Bundles the programs: one file each starts four times as fast as thirty. It also takes less memory, since no types
 * are stripped: with every program that it starts the system copies the table of its pages.
 */
export function bundlePrograms(directory: string): Programs {
  const bundle = (name: keyof Programs): string => {
    const outfile = path.join(directory, `${name}.mjs`);
    const entry = path.join(import.meta.dirname, `${name}.ts`);
    buildSync({ ...BUNDLED_PROGRAM, entryPoints: [entry], outfile, logLevel: 'error' });
    return outfile;
  };
  return { shard: bundle('shard'), victim: bundle('victim') };
}
