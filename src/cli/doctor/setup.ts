import { existsSync } from 'node:fs';
import path from 'node:path';
import { readSetupNote } from '../../worktree/setup-note.ts';
import { findSources } from '../../worktree/setup-sources.ts';
import { listWorktrees } from '../../git/worktree/worktrees.ts';
import { setupSettings } from '../../worktree/setup-settings.ts';
import type { Diagnosis } from './finding.ts';
import type { Patient } from './patient.ts';

/** Checks for worktrees that differ from the settings in swarm.yaml. */
export async function checkSetups({ layout, config }: Patient): Promise<Diagnosis[]> {
  const settings = setupSettings(config.worktree);
  const ours = (await listWorktrees(layout.root)).filter(
    ({ path: place, missing }) => !missing && path.dirname(place) === layout.worktreesDir && existsSync(place),
  );
  const asks = settings.copy.length + settings.link.length + settings.commands.length > 0;
  const { hash, links } = await findSources(layout.root, layout.worktreesDir, settings);
  const findings: Diagnosis[] = links.map((text) => ({
    check: 'setup-link',
    severity: 'warning',
    text: `worktree.${text}`,
    cause: 'Agents work without what it leads to.',
    cure: 'Put it into the repository’s folder, or let `worktree.setup` bring it.',
  }));
  const stale: string[] = [];
  for (const { path: worktree } of ours) {
    const record = readSetupNote(worktree);
    const agent = path.basename(worktree).replace(/\.\d+$/, '');
    if (record?.state === 'failed') {
      findings.push({
        check: 'setup-failed',
        severity: 'error',
        text: `${path.basename(worktree)}: ${record.detail ?? 'its set-up failed'}`,
        cause: 'Its agent does not start before the worktree is set up.',
        cure: `\`swarm logs ${agent}\` tells more; mend it, then \`swarm restart ${agent}\`.`,
      });
    } else if (record === null ? asks : record.hash !== hash) stale.push(path.basename(worktree));
  }
  if (stale.length > 0) {
    findings.push({
      check: 'setup-stale',
      severity: 'note',
      text: `${stale.join(', ')}: set up for other settings or files than the present ones`,
      cure: 'It is done anew when the agent next starts: `swarm down`, `swarm up`.',
    });
  }
  return findings;
}
