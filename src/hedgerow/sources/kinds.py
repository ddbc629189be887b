"""The types of sources that the API knows by name; those without a connector are listed as unreleased."""

from hedgerow.connectors import Connector, Connectors
from hedgerow.kit.errors import InvalidInput
from hedgerow.warehouse.errors import ActionRefused

_NAMES = """
ActiveCampaign Adjust Aircall Airtable AmazonAds AmazonS3 Amplitude AppleSearchAds AppsFlyer Asana Ashby Attio Auth0
AzureBlob BambooHR BigCommerce BigQuery BingAds Box Braintree Braze Brevo BuildBetter Calendly CampaignMonitor
Chargebee ChartMogul CircleCI Clerk ClickHouse ClickUp Close CockroachDB Confluence Convex ConvertKit Copper Custom
CustomerIO Databricks Datadog DoIt Drip DynamoDB Elasticsearch Eventbrite FacebookPages Firebase Freshdesk Freshsales
Front FullStory GitLab Github Gong GoogleAds GoogleAnalytics GoogleCloudStorage GoogleDrive GoogleSearchConsole
GoogleSheets Gorgias Granola Greenhouse HelpScout Hubspot Instagram Intercom Iterable Jira Kafka Klaviyo LaunchDarkly
Lever Linear LinkedinAds MSSQL MailerLite Mailchimp Mailjet Marketo MetaAds MicrosoftTeams Mixpanel Monday MongoDB
MySQL NetSuite Notion Okta Omnisend OneDrive Oracle Outreach Paddle PagerDuty Pardot PayPal Pendo PgAnalyze
PinterestAds Pipedrive Plaid Plain Polar Postgres Postmark Productboard QuickBooks Recharge Recurly RedditAds Redshift
Resend RevenueCat RingCentral SFTP SalesLoft Salesforce SendGrid Sentry ServiceNow SharePoint Shopify Shortcut Slack
Smartsheet SnapchatAds Snowflake Square Stripe Supabase SurveyMonkey TemporalIO TikTokAds Trello Twilio TwitterAds
Typeform Vitally Webflow WooCommerce WorkOS Workday Wrike Xero YouTubeAnalytics Zendesk ZohoCRM Zoom Zuora
"""
KNOWN = frozenset(_NAMES.split())


def connector_of(connectors: Connectors, source_type: str) -> Connector:
    """The connector of a type; raises `InvalidInput` for no type, `ActionRefused` for one that is not there yet."""
    found = connectors.get(source_type)
    if found is not None:
        return found
    if source_type not in KNOWN:
        raise InvalidInput(f'"{source_type[:200]}" is not a valid choice.', attr="source_type", code="invalid_choice")
    there = ", ".join(connectors.types)
    text = f"{source_type} sources are not supported by this server yet. It connects to: {there}."
    raise ActionRefused(text, attr="source_type", code="unreleased_source")
