import { useState } from "react";
import type { ChatState } from "rondo/define";
import "rondo/define";
import "./rondo-jsx";

const EXAMPLES = ["My cat is called Miso.", "What is my cat called?"];

export function App() {
  const [state, setState] = useState<ChatState>("idle");
  const [lastReply, setLastReply] = useState<string>();

  return (
    <main>
      <p role="status">
        The model is {state}. {lastReply && `It said: ${lastReply}`}
      </p>
      <rondo-chat
        model="/public/models/rondo-tiny/"
        examples={EXAMPLES}
        style={{ display: "block", height: "36rem" }}
        onrondo-state={(event) => setState(event.state)}
        onrondo-round={(event) => setLastReply(event.round.reply)}
      />
    </main>
  );
}
