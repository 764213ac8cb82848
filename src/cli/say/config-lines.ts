import type { StatusDocument } from '../../api/status/schemas.ts';
import { plain, type Output } from './output.ts';
import { ago } from './words.ts';

/** What of swarm.yaml, and of an update, does not count yet, and why; nothing where all of it is simply in force. */
export function configLines(output: Output, config: StatusDocument['config'] | undefined, now: number): string[] {
  // One of an older supervisor has none.
  if (config === null || config === undefined) return [];
  const { version, since, refused, later, outdated } = config;
  const inForce = version === null ? 'the defaults' : `version ${version}`;
  const refusal =
    refused === null
      ? []
      : [
          `${output.style('red', 'not applied')}: ${plain(refused.message)}`,
          ...(refused.hint === null ? [] : [`    ${plain(refused.hint)}`]),
          `    Until then ${inForce} counts, as for ${ago(since, now)}.`,
        ];
  return [
    ...refusal,
    ...(later.length === 0 ? [] : [`swarm.yaml: ${later.join(', ')} from the next down and up on`]),
    ...(outdated.length === 0
      ? []
      : [`swarm or its settings have changed: ${outdated.join(', ')} started again when idle and not looked at`]),
  ];
}
