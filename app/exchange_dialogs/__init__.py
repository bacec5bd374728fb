"""The dialogs of import and export; what they do lies in `app.exchange`."""
