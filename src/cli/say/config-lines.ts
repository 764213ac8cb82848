import type { StatusDocument } from '../../api/status/schemas.ts';
import { plain, type Output } from './output.ts';
import { ago } from './words.ts';

/** Settings in swarm.yaml, and an update of swarm, that are not in force yet, and why; no line where all are. */
export function configLines(output: Output, config: StatusDocument['config'] | undefined, now: number): string[] {
  // An older supervisor has no such field.
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
