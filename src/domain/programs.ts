/**
 * The command of the supervisor. Its young generation is bounded, for most of its objects die within a second: at the
 * size that Node lets it grow to by itself (16 times as large), the same work takes more memory and no less of the
 * processor.
 */
export function supervisorCommand(node: string, program: string, root: string): string[] {
  return [node, '--max-semi-space-size=4', program, '--root', root];
}
