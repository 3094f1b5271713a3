import { useId, useState, type SyntheticEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useServer, type Server } from "../../shared/server.js";
import { Button } from "../../shared/ui/Button.js";
import { Field } from "./Field.js";
import { addressOf, probe, type Fault } from "./probe.js";

interface Trouble {
  fault: Fault;
  url: string;
}

interface Switch {
  /** The address that is being looked at. */
  asking: string | null;
  trouble: Trouble | null;
  /** Whether it was switched to. */
  to: (server: Omit<Server, "kind">) => Promise<boolean>;
  refuse: (trouble: Trouble) => void;
}

/** Switches to a server once it is known to answer, and as what. */
function useSwitch(onServer: (server: Server) => void): Switch {
  const { choose } = useServer();
  const [asking, setAsking] = useState<string | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const to = async ({ name, url }: Omit<Server, "kind">): Promise<boolean> => {
    setTrouble(null);
    setAsking(url);
    const finding = url === "" ? { kind: "antiphon" as const } : await probe(url);
    setAsking(null);
    if ("fault" in finding) {
      setTrouble({ fault: finding.fault, url });
      return false;
    }
    const server = { name, url, kind: finding.kind };
    choose(server);
    onServer(server);
    return true;
  };
  return { asking, trouble, to, refuse: setTrouble };
}

function AddServer({ change }: { change: Switch }): ReactNode {
  const { t } = useTranslation("shell");
  const id = useId();
  const [text, setText] = useState("");
  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    const url = addressOf(text);
    if (url === null) change.refuse({ fault: "address", url: text });
    else if (await change.to({ name: new URL(url).host, url })) setText("");
  };
  return (
    <form className="field add-server" noValidate onSubmit={(event) => void submit(event)}>
      <label htmlFor={id}>{t("settings.addServer")}</label>
      <input id={id} type="url" dir="ltr" inputMode="url" autoComplete="url" placeholder="https://chat.example.org" data-testid="server-url" value={text} onChange={(event) => setText(event.target.value)} />
      <Button type="submit" data-testid="server-add" disabled={text.trim() === "" || change.asking !== null}>
        {t("settings.add")}
      </Button>
    </form>
  );
}

/** Which server is talked to. */
export function Servers({ onServer }: { onServer: (server: Server) => void }): ReactNode {
  const { t } = useTranslation("shell");
  const { server, servers, remove, settings } = useServer();
  const change = useSwitch(onServer);
  const own = server.url !== "" && settings?.servers.every(({ url }) => url.replace(/\/+$/, "") !== server.url) === true;
  const select = (url: string): void => {
    const chosen = servers.find((one) => one.url === url);
    if (chosen !== undefined) void change.to(chosen);
  };
  return (
    <>
      <Field label={t("settings.server")}>
        {({ id }) => (
          <select id={id} data-testid="server" disabled={change.asking !== null} value={change.asking ?? server.url} onChange={(event) => select(event.target.value)}>
            {servers.map(({ name, url }) => (
              <option key={url} value={url}>
                {url === "" ? t("settings.thisServer", { name }) : `${name} (${url})`}
              </option>
            ))}
          </select>
        )}
      </Field>
      {own && (
        <Button
          className="remove-server"
          data-testid="server-remove"
          onClick={() => {
            remove(server);
            onServer({ name: "", url: "", kind: "antiphon" });
          }}
        >
          {t("settings.removeServer", { name: server.name })}
        </Button>
      )}
      <AddServer change={change} />
      {change.asking !== null && <p role="status">{t("settings.asking")}</p>}
      {change.trouble !== null && (
        <p role="alert" className="trouble" data-testid="server-trouble">
          {t(`settings.faults.${change.trouble.fault}`, { url: change.trouble.url, origin: location.origin })}
        </p>
      )}
    </>
  );
}
