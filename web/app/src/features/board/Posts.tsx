import type { Post } from "@antiphon/client";
import { Avatar, Message } from "@chatscope/chat-ui-kit-react";
import { Fragment, memo, useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../shared/hooks/useFormat.js";
import { placed, type Placed } from "./days.js";
import { colourOf, initials } from "./people.js";

function Head({ of: { post, at } }: { of: Placed }): ReactNode {
  const format = useFormat();
  return (
    <p className="board-head">
      <strong dir="auto">{post.sender}</strong>{" "}
      <time dateTime={post.timestamp} title={at === null ? undefined : format.date(at, { dateStyle: "full", timeStyle: "medium" })}>
        {at === null ? post.timestamp : format.date(at, { timeStyle: "short" })}
      </time>
    </p>
  );
}

const One = memo(function One({ of }: { of: Placed }): ReactNode {
  const { i18n } = useTranslation();
  const { sender, message } = of.post;
  return (
    <li className="board-post" data-testid="post" data-id={of.post.id} data-goes-on={of.goesOn || undefined}>
      <Message model={{ direction: "incoming", position: "single" }}>
        <Avatar className={`board-avatar board-colour-${colourOf(sender)}`} aria-hidden="true">
          {of.goesOn ? null : <span>{initials(sender, i18n.language)}</span>}
        </Avatar>
        <Message.CustomContent>
          {of.goesOn ? null : <Head of={of} />}
          <p className="board-text" dir="auto">
            {message}
          </p>
        </Message.CustomContent>
      </Message>
    </li>
  );
});

/** The posts, oldest first, by day. */
export function Posts({ posts }: { posts: readonly Post[] }): ReactNode {
  const format = useFormat();
  const all = useMemo(() => placed(posts), [posts]);
  return (
    <ol className="board-posts">
      {all.map((each) => (
        <Fragment key={each.post.id}>
          {each.newDay && each.at !== null ? <li className="board-day">{format.date(each.at, { dateStyle: "full" })}</li> : null}
          <One of={each} />
        </Fragment>
      ))}
    </ol>
  );
}
