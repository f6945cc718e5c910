// There is nothing at this address.

import { A } from '@solidjs/router';
import { Page } from '../parts/page.tsx';

export function NotFound(props: { what?: string }) {
  return (
    <Page title="Not found">
      <p>
        {props.what ?? 'There is no page at this address.'} It may have been deleted, or the link is wrong.{' '}
        <A href="/">Go to the start</A>.
      </p>
    </Page>
  );
}
