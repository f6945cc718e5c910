// One way to write a route: path, who may, schemas, handler. The OpenAPI document is made from the same.

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import { authorize, type Principal } from '../dispatch/access.ts';
import type { Verb } from '../model/access.ts';
import { invalid } from '../model/errors.ts';
import type { ApiDependencies } from './dependencies.ts';

export type Variables = { requestId: string; address: string; principal: Principal };
export type App = OpenAPIHono<{ Variables: Variables }>;
/** Of one request. */
export type RequestContext = Context<{ Variables: Variables }>;

type Shape = z.ZodType | undefined;
type Out<T extends Shape> = T extends z.ZodType ? z.output<T> : undefined;

const withoutSignIn = ['open', 'run token', 'signature'] as const;
const isWithoutSignIn = (access: string): access is (typeof withoutSignIn)[number] =>
  withoutSignIn.some(each => each === access);

export interface RouteSpec<Query extends Shape, Body extends Shape> {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** `/api/projects/{id}` */
  path: string;
  summary: string;
  /**
   * `open`: without signing in. `run token`: only by a run's own token, `signature`: only by somebody who has signed the
   * request; the handler checks both.
   */
  access: Verb | (typeof withoutSignIn)[number];
  query?: Query;
  body?: Body;
  /** 204 has no body. */
  status?: 200 | 201 | 202 | 204;
  /** Of the answer; the document shows it. */
  answer?: z.ZodType;
}

export interface RouteInput<Query extends Shape, Body extends Shape> {
  params: Record<string, string>;
  query: Out<Query>;
  body: Out<Body>;
  c: RequestContext;
  /** Of somebody signed in; the others have no use for it. */
  principal: Principal;
}

const nobody = {} as Principal;

/** Large enough for a long log batch or an override, small enough not to fill the memory. */
export const bodyLimitBytes = 2 * 1024 * 1024;

export function defineRoute<Query extends Shape = undefined, Body extends Shape = undefined>(
  app: App,
  deps: ApiDependencies,
  spec: RouteSpec<Query, Body>,
  handler: (input: RouteInput<Query, Body>) => Promise<unknown>,
): void {
  // Before anything of the request is looked at.
  const admit: MiddlewareHandler<{ Variables: Variables }> = async (c, next) => {
    const { access } = spec;
    if (isWithoutSignIn(access)) c.set('principal', nobody);
    else {
      c.set('principal', await deps.auth.principalOf(c));
      authorize(c.get('principal'), access);
    }
    await next();
  };
  const route = createRoute({ ...describe(spec), middleware: admit });
  app.openapi(route, async c => {
    const valid = c.req.valid.bind(c.req) as (target: string) => unknown;
    const result = await handler({
      params: c.req.param() as Record<string, string>,
      query: (spec.query ? valid('query') : undefined) as Out<Query>,
      body: (spec.body ? valid('json') : undefined) as Out<Body>,
      c,
      principal: c.get('principal'),
    });
    if (result instanceof Response) return result;
    if (spec.status === 204) return c.body(null, 204);
    return c.json(result as object, spec.status ?? 200);
  });
}

function describe(spec: RouteSpec<Shape, Shape>) {
  const names = [...spec.path.matchAll(/\{(\w+)\}/g)].map(match => match[1] ?? '');
  const params =
    names.length > 0 ? { params: z.object(Object.fromEntries(names.map(name => [name, z.string().max(255)]))) } : {};
  const status = spec.status ?? 200;
  const answer = spec.answer ?? z.unknown();
  return {
    method: spec.method,
    path: spec.path,
    summary: spec.summary,
    tags: [spec.path.split('/')[2] ?? 'api'],
    'x-access': spec.access,
    request: {
      ...params,
      ...(spec.query ? { query: spec.query as z.ZodObject } : {}),
      ...(spec.body ? { body: { required: true, content: { 'application/json': { schema: spec.body } } } } : {}),
    },
    responses: {
      [status]: {
        description: spec.summary,
        ...(status === 204 ? {} : { content: { 'application/json': { schema: answer } } }),
      },
      default: { description: 'A problem', content: { 'application/problem+json': { schema: problemSchema } } },
    },
  };
}

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    code: z.string(),
    requestId: z.string(),
    problems: z.array(z.object({ path: z.string(), message: z.string() })),
  })
  .openapi('Problem');

/** All mistakes of a request that does not fit its schema. */
export function newApp(): App {
  return new OpenAPIHono<{ Variables: Variables }>({
    defaultHook: result => {
      if (result.success) return;
      throw invalid(result.error.issues.map(issue => ({ path: issue.path.join('.'), message: `${issue.message}.` })));
    },
  });
}

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  after: z.string().max(200).optional(),
});
