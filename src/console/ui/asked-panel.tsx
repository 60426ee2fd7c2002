// A panel of what HERE was asked for: it says when, asks again on a press, and says plainly when HERE gave no answer.
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { formatClock, text } from '../text/text.ts';
import { Button } from './button.tsx';
import { LoadNotice, Panel } from './panel.tsx';

export interface AskedPanelProps<T> {
  readonly title: string;
  readonly query: UseQueryResult<T>;
  readonly children: (answer: T) => ReactNode;
}

export function AskedPanel<T>({ title, query, children }: AskedPanelProps<T>): ReactNode {
  const { data, dataUpdatedAt, isFetching, refetch } = query;
  return (
    <Panel
      title={title}
      {...(dataUpdatedAt === 0 ? {} : { note: text.common.asOf(formatClock(dataUpdatedAt)) })}
      end={
        <Button
          small
          isDisabled={isFetching}
          label={`${text.device.askAgain}: ${title}`}
          onPress={() => void refetch()}
        >
          {text.device.askAgain}
        </Button>
      }
    >
      <LoadNotice state={query} />
      {data !== undefined && children(data)}
    </Panel>
  );
}
