import type { RuleTester } from 'oxlint/plugins-dev';

type Rule = Parameters<RuleTester['run']>[1];

interface Node {
  type: string;
  [field: string]: unknown;
}

interface Method extends Node {
  kind: string;
  static: boolean;
  key: Node & { name?: string };
  value: Node & { body: { body: Node[] } | null };
}

interface Class extends Node {
  body: { body: Node[] };
  /** Absent: it implements no interface. */
  implements?: (Node & { expression: Node & { name?: string } })[];
}

/** Expressions around the one call of a relay that do not make it more than that. */
const WRAPPINGS = new Set([
  'AwaitExpression',
  'ChainExpression',
  'ExpressionStatement',
  'ParenthesizedExpression',
  'ReturnStatement',
  'TSAsExpression',
  'TSNonNullExpression',
  'UnaryExpression',
]);

/** Expressions that do work, beside the call in question. */
const WORK = new Set([
  'ArrowFunctionExpression',
  'AssignmentExpression',
  'CallExpression',
  'FunctionExpression',
  'ImportExpression',
  'NewExpression',
  'TaggedTemplateExpression',
  'UpdateExpression',
  'YieldExpression',
]);

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

function children(node: Node): Node[] {
  return Object.entries(node)
    .filter(([field]) => field !== 'parent')
    .flatMap(([, value]) => (Array.isArray(value) ? value : [value]))
    .filter(isNode);
}

function works(node: Node): boolean {
  return WORK.has(node.type) || children(node).some(works);
}

function unwrapped(node: Node): Node {
  const inner = node['argument'] ?? node['expression'];
  return WRAPPINGS.has(node.type) && isNode(inner) ? unwrapped(inner) : node;
}

/** Whether a call is one of JavaScript itself: `Promise.all` waits for calls, wherever they were made. */
function isBuiltIn({ callee }: Node): boolean {
  const { object } = callee as { object?: { name?: string } };
  return object?.name === 'Promise';
}

/** Whether a method only names what is there, such as `const { engine } = this.#deps`, and makes one call. */
function isRelay({ value }: Method): boolean {
  const statements = value.body?.body ?? [];
  const last = statements.at(-1);
  if (last === undefined || statements.slice(0, -1).some((one) => one.type !== 'VariableDeclaration' || works(one)))
    return false;
  const call = unwrapped(last);
  return call.type === 'CallExpression' && !isBuiltIn(call) && !children(call).some(works);
}

function isService({ expression }: { expression: Node & { name?: string } }): boolean {
  return expression.name?.endsWith('Service') === true;
}

function isPublicMethod(member: Node): member is Method {
  const { kind, key } = member as Method;
  return member.type === 'MethodDefinition' && kind === 'method' && key.type !== 'PrivateIdentifier';
}

/**
 * Refuses relays: a class that implements a service of the API does the work itself, and is then the room that does it.
 */
export const noRelay: Rule = {
  create(context) {
    const look = (node: Class): void => {
      if (!(node.implements ?? []).some(isService)) return;
      for (const member of node.body.body.filter(isPublicMethod)) {
        if (!isRelay(member)) continue;
        const message = `${member.key.name ?? 'this method'} only calls one other: let the room that does the work implement the service`;
        context.report({ node: member.key as never, message });
      }
    };
    return {
      ClassDeclaration: (node) => look(node as unknown as Class),
      ClassExpression: (node) => look(node as unknown as Class),
    };
  },
};

export default { meta: { name: 'swarm' }, rules: { 'no-relay': noRelay } };
