// A dialog that asks before something that is not undone by itself, in words that name the thing.
import { type ReactNode, useState } from 'react';
import { Dialog } from 'react-aria-components/Dialog';
import { Heading } from 'react-aria-components/Heading';
import { Modal, ModalOverlay } from 'react-aria-components/Modal';
import { text } from '../text/text.ts';
import { Button } from './button.tsx';

export interface ConfirmProps {
  readonly title: string;
  readonly children: ReactNode;
  readonly action: string;
  readonly isDangerous?: boolean;
  readonly onClose: () => void;
  /** Awaited; an error that it throws is shown in the dialog, which stays open. */
  readonly onConfirm: () => Promise<void> | void;
}

export function Confirm(props: ConfirmProps): ReactNode {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const confirm = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await props.onConfirm();
      props.onClose();
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    } finally {
      setBusy(false);
    }
  };
  return (
    <ModalOverlay
      className="overlay"
      isOpen
      isDismissable={!busy}
      onOpenChange={(isOpen) => !isOpen && props.onClose()}
    >
      <Modal>
        <Dialog className="dialog" role="alertdialog">
          <Heading slot="title" level={2}>
            {props.title}
          </Heading>
          <div>{props.children}</div>
          {error !== null && (
            <p className="field-error" role="alert">
              {error}
            </p>
          )}
          <div className="dialog-actions">
            <Button onPress={props.onClose} isDisabled={busy}>
              {text.common.cancel}
            </Button>
            <Button
              kind={props.isDangerous === true ? 'danger' : 'primary'}
              isDisabled={busy}
              onPress={() => void confirm()}
            >
              {props.action}
            </Button>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
