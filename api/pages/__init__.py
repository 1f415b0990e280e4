"""The pages for moderators and managers; `api.pages.site.add_pages` puts them on an app."""
