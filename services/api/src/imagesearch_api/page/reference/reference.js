// Show the description of this server's API. Nothing of it is sent anywhere else.

const main = document.getElementById("reference");

function say(text, link) {
  const paragraph = document.createElement("p");
  paragraph.append(text);
  if (link) {
    const anchor = document.createElement("a");
    [anchor.href, anchor.textContent] = link;
    paragraph.append(" ", anchor);
  }
  main.replaceChildren(paragraph);
}

async function show() {
  const answer = await fetch("api/v2/openapi.json");
  if (answer.status === 401) {
    say("This server asks for an API key.", ["./", "Give it one, then come back."]);
    return;
  }
  if (!answer.ok) {
    say(`The server answered ${answer.status}. Try again in a moment.`);
    return;
  }
  const spec = await answer.json();
  // Where a proxy puts the server under a path, requests begin with it.
  spec.servers ??= [{ url: new URL(".", location.href).pathname.replace(/\/$/, "") || "/" }];
  SwaggerUIBundle({ spec, domNode: main, deepLinking: true, docExpansion: "list", filter: true, validatorUrl: null });
}

show().catch(() => say("The server does not answer. Try again in a moment."));
