// Which project is chosen, and what is left out.
import { describe, expect, test } from 'vitest';
import { chooseProject, type Licence } from '../../src/here/projects.ts';

function licence(appId: string, isExpired = false): Licence {
  return {
    appId,
    isExpired,
    projectId: `p-${appId}`,
    projectName: `Project ${appId}`,
    projectHrn: null,
    type: null,
    endsAt: null,
    devicesLeft: null,
  };
}

const A = licence('appA');
const B = licence('appB');
const ENDED = licence('ended', true);

describe('without an app ID', () => {
  test('the first unexpired tracking project is chosen', () => {
    expect(chooseProject([ENDED, A, B], null, null)).toEqual({ kind: 'ok', licence: A, otherFirst: null });
  });

  test('the remembered one is kept as long as it is listed; another that comes first is news', () => {
    expect(chooseProject([A, B], null, 'appB')).toEqual({ kind: 'ok', licence: B, otherFirst: 'appA' });
    expect(chooseProject([B, A], null, 'appB')).toEqual({ kind: 'ok', licence: B, otherFirst: null });
    expect(chooseProject([ENDED, B], null, 'appB')).toEqual({ kind: 'ok', licence: B, otherFirst: null });
  });

  test('a remembered one that is gone gives way to the first', () => {
    expect(chooseProject([A, B], null, 'gone')).toEqual({ kind: 'ok', licence: A, otherFirst: null });
  });

  test('a remembered one whose licence has ended is not left silently', () => {
    expect(chooseProject([ENDED, A], null, 'ended')).toMatchObject({ kind: 'expired' });
  });

  test('none at all is missing, none but ended ones is expired', () => {
    expect(chooseProject([], null, null)).toMatchObject({ kind: 'missing' });
    expect(chooseProject([ENDED], null, null)).toMatchObject({ kind: 'expired' });
  });
});

describe('with an app ID', () => {
  test('that one is chosen, whatever is remembered or comes first', () => {
    expect(chooseProject([A, B], 'appB', 'appA')).toEqual({ kind: 'ok', licence: B, otherFirst: null });
  });

  test('one that is not listed is missing and named; an ended one is expired', () => {
    expect(chooseProject([A], 'other', null)).toMatchObject({
      kind: 'missing',
      message: expect.stringContaining('other'),
    });
    expect(chooseProject([ENDED, A], 'ended', null)).toMatchObject({ kind: 'expired' });
  });
});
