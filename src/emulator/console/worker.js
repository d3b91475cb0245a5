// Holds the one stream of events of a browser, as long as some tab with the page is to be seen.
"use strict";

const tabs = new Set();
let source = null, again = 0;

function tell(kind, text) {
  for (const tab of tabs) tab.postMessage([kind, text]);
}

function close() {
  clearTimeout(again);
  source?.close();
  source = null;
}

// A tab that joins needs a snapshot, with which every stream begins.
function open() {
  close();
  source = new EventSource("/emulator/changes");
  source.onopen = () => tell("live");
  source.onerror = () => {
    tell("gone");
    // After an answer that is no stream the browser does not try again by itself.
    if (source.readyState === EventSource.CLOSED) again = setTimeout(open, 1000);
  };
  for (const kind of ["snapshot", "news"]) source.addEventListener(kind, ({ data }) => tell(kind, data));
}

onconnect = ({ ports: [tab] }) => {
  tab.onmessage = ({ data: word }) => {
    if (word === "shown") {
      tabs.add(tab);
      open();
    } else {
      tabs.delete(tab);
      if (tabs.size === 0) close();
    }
  };
};
