/**
 * The supervisor as a command. Its young generation is bounded, for what it makes each second dies young: as large as
 * Node lets it grow by itself (16 times as large), the same work takes more memory and no less of the processor.
 */
export function supervisorCommand(node: string, program: string, root: string): string[] {
  return [node, '--max-semi-space-size=4', program, '--root', root];
}
