from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('listings', '0027_numbers_of_before'),
    ]

    operations = [
        migrations.AddField(
            model_name='product',
            name='told_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
