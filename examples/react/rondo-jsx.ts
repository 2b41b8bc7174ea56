// `<rondo-chat>` in JSX. React 19 sets known properties as properties, anything else as attributes, and listens to
// `on…` events.
import type { ChatElement } from "rondo/define";

type RondoEvents = {
  [
    Name in keyof HTMLElementEventMap as Name extends `rondo-${string}`
      ? `on${Name}`
      : never
  ]?: (event: HTMLElementEventMap[Name]) => void;
};

type OwnProperties = Partial<Omit<ChatElement, keyof HTMLElement>>;

declare module "react" {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- that is where React looks
  namespace JSX {
    interface IntrinsicElements {
      "rondo-chat": HTMLAttributes<ChatElement> &
        RefAttributes<ChatElement> &
        OwnProperties &
        RondoEvents;
    }
  }
}
