"""Ledgers know whether their listing held a single unit."""

from django.db import migrations, models

from shops.reverb.lists import HOLD_SEVERAL


def note(apps, schema_editor):
    """Note it for the listings that are known."""
    ledger, listing = apps.get_model("listings", "Ledger"), apps.get_model("listings", "Listing")
    found = []
    for pk, picture in listing.objects.filter(picture__isnull=False).values_list("pk", "picture").iterator():
        if picture.get("condition") not in HOLD_SEVERAL and not picture.get("has_inventory"):
            found.append(pk)
    for at in range(0, len(found), 1000):
        ledger.objects.filter(listing__in=found[at : at + 1000]).update(single=True)


class Migration(migrations.Migration):
    """A column, and what it says of today's listings."""

    dependencies = [("listings", "0024_stock_of_woocommerce")]

    operations = [
        migrations.AddField(model_name="ledger", name="single", field=models.BooleanField(default=False)),
        migrations.RunPython(note, migrations.RunPython.noop),
    ]
