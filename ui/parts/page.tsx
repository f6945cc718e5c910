// Frame of a page: where one is, its name, what can be done; and the frames of what stands on it.

import { A } from '@solidjs/router';
import { createEffect, For, type JSX, Show } from 'solid-js';

export interface Crumb {
  title: string;
  href: string;
}

interface PageProps {
  title: string;
  crumbs?: Crumb[];
  /** Beside the name: a state. */
  aside?: JSX.Element;
  actions?: JSX.Element;
  lead?: JSX.Element;
  children: JSX.Element;
}

export function Page(props: PageProps) {
  createEffect(() => {
    document.title = `${props.title} · Aegir`;
  });
  return (
    <article class="page">
      <Show when={props.crumbs?.length}>
        <nav class="crumbs" aria-label="Where you are">
          <For each={props.crumbs}>{crumb => <A href={crumb.href}>{crumb.title}</A>}</For>
        </nav>
      </Show>
      <header class="page-head">
        <div class="page-title">
          <h1>{props.title}</h1>
          {props.aside}
        </div>
        <div class="page-actions">{props.actions}</div>
      </header>
      <Show when={props.lead}>
        <div class="lead">{props.lead}</div>
      </Show>
      {props.children}
    </article>
  );
}

export function Panel(props: { title: string; aside?: JSX.Element; children: JSX.Element }) {
  return (
    <section class="panel">
      <header class="panel-head">
        <h2>{props.title}</h2>
        {props.aside}
      </header>
      <div class="panel-body">{props.children}</div>
    </section>
  );
}

export function Empty(props: { title: string; children?: JSX.Element }) {
  return (
    <div class="empty">
      <p class="empty-title">{props.title}</p>
      <div class="empty-text">{props.children}</div>
    </div>
  );
}
